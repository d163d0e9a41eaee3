//! `windlass completion`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Arguments;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Screen;

/// Prints the script for a shell.
pub fn run(shell: Shell, screen: &mut Screen) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "windlass", &mut script);
    screen.line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}
