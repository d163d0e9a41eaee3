//! The master's data directory: what is damaged, and what earlier releases wrote.

mod damaged;
mod earlier;
