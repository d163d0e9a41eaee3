//! `windlass-master`.

use std::process::ExitCode;

fn main() -> ExitCode {
    windlass_master::main(std::env::args_os().collect())
}
