//! A shop that greets and names prices. Standard library only; state on disk: how often it has greeted.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::{env, fs};

/// What things cost, in cents, or why that is not known.
pub type Prices = Result<Vec<(String, u32)>, String>;

struct Shop {
    prices: Prices,
    release: String,
    visits: PathBuf,
}

/// Serves at `$SHOP_LISTEN`, keeps its state in `$SHOP_DATA`; a shop without prices runs, and says that it is ill.
pub fn serve(prices: Prices) -> io::Result<()> {
    let variable = |name: &str| env::var(name).map_err(|_| io::Error::other(format!("{name} is not set")));
    if let Err(why) = &prices {
        writeln!(io::stderr(), "shop: {why}")?;
    }
    let release = fs::read_to_string("WINDLASS_RELEASE")?.trim().to_owned();
    let visits = PathBuf::from(variable("SHOP_DATA")?).join("visits");
    let shop = Shop { prices, release, visits };
    for stream in TcpListener::bind(variable("SHOP_LISTEN")?)?.incoming() {
        if let Err(error) = stream.and_then(|stream| shop.answer(stream)) {
            writeln!(io::stderr(), "shop: a visitor went away: {error}")?;
        }
    }
    Ok(())
}

impl Shop {
    fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut request = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        request.read_line(&mut line)?;
        let mut header = String::from("-");
        while !header.trim().is_empty() {
            header.clear();
            request.read_line(&mut header)?;
        }
        let (status, body) = self.page(line.split(' ').nth(1).unwrap_or("/"));
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes())
    }

    fn page(&self, path: &str) -> (&'static str, String) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        match (path, &self.prices) {
            ("/release", _) => ("200 OK", format!("{}\n", self.release)),
            ("/healthz", Ok(_)) => ("200 OK", "ok\n".to_owned()),
            ("/healthz" | "/price", Err(why)) => ("500 Internal Server Error", format!("{why}\n")),
            ("/price", Ok(prices)) => match price(prices, query) {
                Some(cents) => ("200 OK", format!("{}.{:02}\n", cents / 100, cents % 100)),
                None => ("404 Not Found", "we do not sell that\n".to_owned()),
            },
            ("/greet", _) => match self.count() {
                Ok(visits) => ("200 OK", format!("{}, visitor {visits}\n", greeting(query))),
                Err(error) => ("500 Internal Server Error", format!("{error}\n")),
            },
            _ => ("404 Not Found", "no such page\n".to_owned()),
        }
    }

    /// One more visit; the number is on disk before it is told.
    fn count(&self) -> io::Result<u64> {
        let before = fs::read_to_string(&self.visits).ok().and_then(|text| text.trim().parse::<u64>().ok());
        let visits = before.unwrap_or(0) + 1;
        let new = self.visits.with_extension("new");
        fs::write(&new, visits.to_string())?;
        fs::rename(new, &self.visits)?;
        Ok(visits)
    }
}

fn greeting(language: &str) -> &'static str {
    match language {
        "de" => "Guten Tag",
        "fr" => "Bonjour",
        _ => "Good day",
    }
}

fn price(prices: &[(String, u32)], name: &str) -> Option<u32> {
    prices.iter().find(|(known, _)| known == name).map(|(_, cents)| *cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop(prices: Prices, name: &str) -> Shop {
        let visits = env::temp_dir().join(format!("shop-{}-{name}", std::process::id()));
        Shop { prices, release: "r1-0a1b2c3d".to_owned(), visits }
    }

    #[test]
    fn it_greets_in_three_languages() {
        assert_eq!([greeting("de"), greeting("fr"), greeting("")], ["Guten Tag", "Bonjour", "Good day"]);
    }

    #[test]
    fn it_names_its_release() {
        assert_eq!(shop(Ok(Vec::new()), "release").page("/release"), ("200 OK", "r1-0a1b2c3d\n".to_owned()));
    }

    #[test]
    fn it_names_a_price() {
        let tea = vec![("tea".to_owned(), 250)];
        assert_eq!(shop(Ok(tea), "price").page("/price?tea"), ("200 OK", "2.50\n".to_owned()));
    }

    #[test]
    fn without_prices_it_is_ill() {
        assert!(shop(Err("no prices".to_owned()), "ill").page("/healthz").0.starts_with("500"));
    }

    #[test]
    fn it_counts_its_visitors() {
        let shop = shop(Ok(Vec::new()), "visits");
        let told = [shop.count().ok(), shop.count().ok()];
        let _ = fs::remove_file(&shop.visits);
        assert_eq!(told, [Some(1), Some(2)]);
    }
}
