//! The shim on real processes: each test makes the directory of an attempt, as an agent would, and starts the program on it.

mod harness;

mod logs;
mod start;
mod steps;
mod stop;
mod tree;
