//! The command itself.

use std::io::{Read, Write};
use std::path::Path;

use rustls::pki_types::UnixTime;

use super::answer::Enrolled;
use super::post::Address;
use super::request::request;
use super::token::JoinToken;
use super::{files, post};
use crate::args::Join;
use crate::attempts::StateDir;
use crate::exit::{Failure, NOT_NOW, USAGE};

/// A token is one line of 126 characters; whatever is much longer is another file.
const TOKEN_MAX: u64 = 4 * 1024;

/// Enrols this host and says what was written.
pub fn run(join: &Join) -> Result<(), Failure> {
    let address = Address::parse(&join.url)?;
    let token = read_token(&join.token_file)?;
    let dir = StateDir::new(&join.place.state_dir);
    let _owner = crate::app::own(dir.path())?;
    let key = files::key(&dir)?;
    let request = request(&token, &key).map_err(|error| Failure::new(NOT_NOW, error))?;
    let answer = post::post(&address, &request, &token.ca_pin, join.tls_ca.as_deref())?;
    let enrolled = Enrolled::check(answer, &token, &key, address.host(), UnixTime::now()).map_err(|error| {
        Failure::new(NOT_NOW, format!("the answer is not believed: {error}"))
            .hint("something between this host and the master answers in its place, or a clock is wrong")
    })?;
    files::write_identity(&dir, &enrolled)?;
    let config = &join.place.config;
    let config_written = files::write_config(config, &enrolled)?;
    let of_config = if config_written { "written" } else { "was there and is left alone" };
    let text = format!(
        "enrolled {} as agent {} of cluster {}\n  identity  {}\n  config    {} ({of_config})\n\
         read the config, name what this host shall take, then start it: windlass-agent run --config {} --state-dir {}\n",
        enrolled.name,
        enrolled.agent,
        enrolled.cluster_id,
        dir.identity().display(),
        config.display(),
        config.display(),
        dir.path().display(),
    );
    let told = std::io::stdout().lock().write_all(text.as_bytes());
    told.map_err(|error| Failure::new(NOT_NOW, format!("enrolled, but cannot write: {error}")))
}

fn read_token(file: &Path) -> Result<JoinToken, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(TOKEN_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(TOKEN_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::new(USAGE, format!("the token file {}: {error}", file.display())))?;
    text.parse().map_err(|error: super::InvalidToken| {
        Failure::new(USAGE, error).hint("`windlass agents token --name NAME` prints one; it is a single line")
    })
}
