//! `windlass login`, `whoami`, `token`.

use std::io::{self, BufRead, IsTerminal};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use windlass_proto::api::{Me, TokenAnswer, TokenRequest};

use crate::client::{Account, Client, account_file, remember};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::output::Screen;
use crate::text::Reader;

/// Remembers a master after asking it who we are.
pub fn login(url: &str, screen: &mut Screen) -> Result<Exit> {
    let account = Account::new(url, &read_token(screen)?)?;
    let me: Me = Client::new(account.clone()).get("/me", &[])?;
    let file = account_file()?;
    remember(&account, &file)?;
    screen.note(&format!("signed in to {} as {} · written {}", me.master, me.subject, file.display()))?;
    Ok(Exit::Done)
}

/// From standard input; nothing is shown of it on a terminal.
fn read_token(screen: &mut Screen) -> Result<String> {
    let failed = |source| Error::Terminal { what: "read the token", source };
    let stdin = io::stdin();
    let mut token = String::new();
    if !stdin.is_terminal() {
        stdin.lock().read_line(&mut token).map_err(failed)?;
        return Ok(token);
    }
    screen.ask("token: ")?;
    let before = tcgetattr(&stdin).map_err(|errno| failed(errno.into()))?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &silent).map_err(|errno| failed(errno.into()))?;
    let read = stdin.lock().read_line(&mut token);
    tcsetattr(&stdin, OptionalActions::Now, &before).map_err(|errno| failed(errno.into()))?;
    screen.note("")?;
    read.map_err(failed)?;
    Ok(token)
}

/// Who we are.
pub fn whoami(client: &Client, screen: &mut Screen) -> Result<Exit> {
    let me: Me = client.get("/me", &[])?;
    if screen.is_json() {
        screen.json(&me)?;
        return Ok(Exit::Done);
    }
    let Me { subject, master, version, grants, .. } = &me;
    screen.line(&format!("{subject} ({}) · {master} {version} at {}", grants.join(", "), client.url()))?;
    screen.line(&format!("token {} is good until {}", me.token, me.expires))?;
    Ok(Exit::Done)
}

/// Makes an API token; it alone goes to standard output.
pub fn token(client: &Client, subject: String, days: u32, screen: &mut Screen) -> Result<Exit> {
    let answer: TokenAnswer = client.post_for_secret("/tokens", &TokenRequest { subject, days })?;
    if screen.is_json() {
        screen.json(&answer)?;
        return Ok(Exit::Done);
    }
    screen.line(&answer.token)?;
    let until = Reader::here().time(answer.expires);
    screen.note(&format!("speaks for {} until {until}; it is not shown again", answer.subject))?;
    Ok(Exit::Done)
}
