//! A data directory with many runs that are over, made from the real facts of one, and how long a master takes with it.
//!
//! `cargo run --release -p windlass-tests --bin runs -- --make 1000000 DIR` makes it and prints the figures of `docs/reliability.md`.

mod make;
mod measure;
mod template;

pub use make::{files, make, reader};
pub use measure::{Figure, measure};
pub use template::Template;
