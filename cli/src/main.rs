//! The program `windlass`. Everything is in the library, so that the tests can start the same program.

use std::process::ExitCode;

fn main() -> ExitCode {
    windlass::main(std::env::args_os().collect())
}
