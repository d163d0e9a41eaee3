//! Which program this executable is: the file name it was started by decides. The only place that knows master and agent.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

/// File name that makes this executable the master.
pub const MASTER: &str = "windlass-master";
/// File name that makes this executable the agent.
pub const AGENT: &str = "windlass-agent";

#[derive(Debug, PartialEq, Eq)]
enum Program {
    Client,
    Master,
    Agent,
}

impl Program {
    fn called(name: Option<&OsString>) -> Self {
        let file = name.and_then(|name| Path::new(name).file_name());
        match file.and_then(OsStr::to_str) {
            Some(MASTER) => Self::Master,
            Some(AGENT) => Self::Agent,
            Some(_) | None => Self::Client,
        }
    }
}

/// Runs it.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    match Program::called(arguments.first()) {
        Program::Client => crate::commands::run(arguments),
        Program::Master => windlass_master::main(arguments),
        Program::Agent => windlass_agent::main(arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_decides() {
        let called = |name: &str| Program::called(Some(&OsString::from(name)));
        assert_eq!(called("/usr/bin/windlass"), Program::Client);
        assert_eq!(called("windlass-under-test"), Program::Client);
        assert_eq!(called("/usr/bin/windlass-master"), Program::Master);
        assert_eq!(called("windlass-agent"), Program::Agent);
        assert_eq!(Program::called(None), Program::Client);
    }
}
