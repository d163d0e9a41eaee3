//! The one connection of a probe: opened and closed, within one time-out for all addresses of the host.

use std::net::{TcpStream, ToSocketAddrs};

use windlass_core::model::Duration;

use super::clock;

/// Connects to `host:port`; the error is a text for people.
pub fn connect(endpoint: &str, timeout: Duration) -> Result<(), String> {
    let end = clock::boottime().ms().saturating_add(timeout.ms());
    let mut why = format!("{endpoint} has no address");
    for address in endpoint.to_socket_addrs().map_err(|error| error.to_string())? {
        let left = Duration::from_ms(end.saturating_sub(clock::boottime().ms()).max(1));
        match TcpStream::connect_timeout(&address, clock::std(left)) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                "connection refused".clone_into(&mut why)
            }
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_listens_is_good_and_what_does_not_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = listener.local_addr().expect("it is bound").to_string();
        connect(&endpoint, Duration::from_secs(5)).expect("somebody listens");
        drop(listener);
        assert_eq!(connect(&endpoint, Duration::from_secs(5)), Err("connection refused".to_owned()));
        connect("no.such.host.invalid:1", Duration::from_secs(5)).expect_err("it has no address");
    }
}
