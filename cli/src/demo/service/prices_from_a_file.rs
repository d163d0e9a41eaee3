//! What things cost, in cents: `name,cents` in prices.csv.

/// All prices.
pub fn load() -> Result<Vec<(String, u32)>, String> {
    let text = std::fs::read_to_string("prices.csv").map_err(|error| format!("cannot open prices.csv: {error}"))?;
    read(&text).ok_or_else(|| "prices.csv is broken".to_owned())
}

fn read(text: &str) -> Option<Vec<(String, u32)>> {
    let line = |line: &str| {
        let (name, cents) = line.split_once(',')?;
        Some((name.to_owned(), cents.trim().parse().ok()?))
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
#[test]
fn everything_has_a_price() {
    assert_eq!(read("tea,250\n"), Some(vec![("tea".to_owned(), 250)]));
}
