//! Ports for the services of the targets. They are taken below the range that the kernel gives to outgoing connections, so that a
//! service which stops and starts again finds its port free.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Error, Result};

/// The lowest port that is taken.
const LOWEST: u16 = 10_000;
/// Where the kernel's range begins if it does not say so.
const USUAL: u16 = 32_768;
/// Ports that are tried.
const TRIES: u16 = 500;

/// So many ports that are free now.
pub fn free(count: usize) -> Result<Vec<u16>> {
    let end = range_of_kernel().filter(|begin| *begin > LOWEST + TRIES).unwrap_or(USUAL);
    let span = end - LOWEST;
    // Two demos at the same time begin at different places.
    let seed = uuid::Uuid::new_v4().as_u128();
    let begin = u16::try_from(seed % u128::from(span)).unwrap_or_default();
    let candidates = (0..TRIES).map(|step| LOWEST + (begin + step) % span);
    let free: Vec<u16> = candidates.filter(|port| is_free(*port)).take(count).collect();
    if free.len() == count {
        return Ok(free);
    }
    let what = format!("{count} free ports were not found between {LOWEST} and {end}");
    Err(Error::Demo { what, hint: "close what listens there".to_owned() })
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn range_of_kernel() -> Option<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_are_different_and_below_those_that_the_kernel_gives_away() {
        let ports: BTreeSet<u16> = free(3).expect("some are free").into_iter().collect();
        assert_eq!(ports.len(), 3);
        let end = range_of_kernel().unwrap_or(USUAL).max(LOWEST + TRIES);
        assert!(ports.iter().all(|port| (LOWEST..end.max(USUAL)).contains(port)), "{ports:?}");
    }
}
