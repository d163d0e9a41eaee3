//! The client, the master and the agent in one executable, as `windlass` is: what the end-to-end tests start.

use std::process::ExitCode;

fn main() -> ExitCode {
    windlass::main(std::env::args_os().collect())
}
