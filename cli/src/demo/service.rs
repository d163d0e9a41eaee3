//! The service of the demo. Its files go into the demo's repository; they are compiled into this executable too, for machines that
//! have no `rustc`.

use clap::ValueEnum;

use crate::exit::Exit;

#[path = "service/shop.rs"]
mod shop;

#[path = "service/prices.rs"]
mod prices;

#[path = "service/prices_from_a_file.rs"]
mod prices_from_a_file;

/// `main.rs`.
pub const MAIN: &str = include_str!("service/main.rs");
/// `shop.rs`.
pub const SHOP: &str = include_str!("service/shop.rs");
/// `prices.rs` of the good commit.
pub const PRICES: &str = include_str!("service/prices.rs");
/// `prices.rs` of the bad one.
pub const PRICES_FROM_A_FILE: &str = include_str!("service/prices_from_a_file.rs");
/// `prices.csv`, which the bad commit reads and does not pack.
pub const PRICES_CSV: &str = include_str!("service/prices.csv");
/// `windlass.yaml`, with places to fill in.
pub const PIPELINE: &str = include_str!("service/windlass.yaml");

/// Which commit of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Edition {
    /// Prices are in the program
    Good,
    /// Prices are read from a file
    Bad,
}

impl Edition {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

/// Serves until it is killed.
pub fn run(edition: Edition) -> Exit {
    let prices = match edition {
        Edition::Good => prices::load(),
        Edition::Bad => prices_from_a_file::load(),
    };
    match shop::serve(prices) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}
