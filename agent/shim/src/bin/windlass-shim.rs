//! The shim as a program of its own, for tests: `windlass-shim DIR`.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let dir = std::env::args_os().nth(1).map(PathBuf::from).unwrap_or_default();
    windlass_shim::main(&dir)
}
