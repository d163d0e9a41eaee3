//! The program `windlass-agent`. Everything is in the library, because the `windlass` executable contains the agent too.

use std::process::ExitCode;

fn main() -> ExitCode {
    windlass_agent::main(std::env::args_os().collect())
}
