//! Asking the keeper, from the demo and from the hooks of the service.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::program::{Program, Reply, Request};
use crate::error::{Error, Result};
use crate::exit::Exit;

/// What a hook asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServiceVerb {
    /// Start the service of the release that the change leads to
    Start,
    /// Stop it
    Stop,
}

/// Asks, and gives the names of all processes that run.
pub fn ask(socket: &Path, request: &Request) -> Result<Vec<String>> {
    let failed = |source: io::Error| Error::File { what: "ask the keeper at", path: socket.to_owned(), source };
    let mut stream = UnixStream::connect(socket).map_err(failed)?;
    let line = serde_json::to_string(request).expect("texts are JSON");
    writeln!(stream, "{line}").map_err(failed)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(failed)?;
    match serde_json::from_str(&answer) {
        Ok(Reply::Ok(running)) => Ok(running),
        Ok(Reply::Error(what)) => Err(Error::Demo { what, hint: String::new() }),
        Err(error) => Err(failed(error.into())),
    }
}

/// A hook of the service on one target: what `WINDLASS_*` says is started or stopped.
pub fn ask_for_service(socket: &Path, verb: ServiceVerb) -> Result<Exit> {
    let variable = |name: &str| {
        let hint = "this is a hook of the demo's service; it is not for people".to_owned();
        std::env::var(name).map_err(|_| Error::Usage { text: format!("{name} is not set"), hint })
    };
    let name = name_of(&variable("WINDLASS_TARGET")?);
    let request = match verb {
        ServiceVerb::Stop => Request::Stop { name },
        ServiceVerb::Start => {
            let dir = PathBuf::from(variable("WINDLASS_RELEASE_DIR")?);
            let env = BTreeMap::from([
                ("SHOP_LISTEN".to_owned(), variable("WINDLASS_HTTP")?),
                ("SHOP_DATA".to_owned(), format!("{}/shared", variable("WINDLASS_ROOT")?)),
            ]);
            let called = "shop".to_owned();
            Request::Start(Program { name, file: dir.join("shop"), called, arguments: Vec::new(), env, dir })
        }
    };
    ask(socket, &request)?;
    Ok(Exit::Done)
}

/// The service of a target among the keeper's processes.
pub fn name_of(target: &str) -> String {
    format!("shop@{target}")
}
