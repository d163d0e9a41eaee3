//! `windlass logs`: of a run or a job with the step before each line, of a step byte for byte.

use std::thread;
use std::time::Duration;

use windlass_core::model::JobKey;
use windlass_proto::api::{HEADER_LENGTH, HEADER_OFFSET, HEADER_STATE, LogLine};

use super::run::{follow, print};
use crate::args::LogsArguments;
use crate::client::Client;
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::output::Screen;

/// Between two tries to reach a master that is away.
const AGAIN: Duration = Duration::from_millis(300);
/// A master that is away for so long is given up.
const GIVE_UP: Duration = Duration::from_secs(600);
/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// Prints logs.
pub fn run(client: &Client, arguments: &LogsArguments, screen: &mut Screen) -> Result<Exit> {
    let id = arguments.run.in_path();
    match (&arguments.job, &arguments.step) {
        (Some(job), Some(step)) => {
            let path = format!("/runs/{id}/jobs/{}/steps/{step}/log", job.in_path());
            one_step(client, &path, arguments, screen)?;
        }
        (job, _) if arguments.follow => {
            follow(client, &id, job.as_ref(), screen)?;
        }
        (job, _) => all_steps(client, &id, job.as_ref(), screen)?,
    }
    Ok(Exit::Done)
}

/// Every line that is there now.
fn all_steps(client: &Client, id: &str, job: Option<&JobKey>, screen: &mut Screen) -> Result<()> {
    let query = [("format", Some("jsonl".to_owned())), ("job", job.map(ToString::to_string))];
    let mut lines = client.stream(&format!("/runs/{id}/log"), &query, None)?.lines();
    while let Some(text) = lines.next_line()? {
        match serde_json::from_str::<LogLine>(&text) {
            Ok(line) if line.cursor.is_none() => print(&line, screen)?,
            Ok(_) => {}
            Err(error) => return Err(Error::BrokeOff { url: client.url().to_owned(), source: error.into() }),
        }
    }
    Ok(())
}

/// The bytes of one step. While following, a cut is answered by asking again at the offset that is reached.
fn one_step(client: &Client, path: &str, arguments: &LogsArguments, screen: &mut Screen) -> Result<()> {
    let (mut offset, mut away): (Option<u64>, Option<Stopwatch>) = (None, None);
    loop {
        let begin = offset.map(|offset| offset.to_string()).or(arguments.offset.map(|offset| offset.to_string()));
        let whole = piece(client, path, arguments, begin, &mut offset, screen);
        match whole {
            Ok(true) => return Ok(()),
            Ok(false) if !arguments.follow => return Ok(()),
            Ok(false) => away = None,
            Err(error) if arguments.follow && error.may_pass() => {
                if away.get_or_insert_with(Stopwatch::start).elapsed() > GIVE_UP {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        thread::sleep(AGAIN);
    }
}

/// One answer; true if the log is whole and was printed to its end.
fn piece(
    client: &Client,
    path: &str,
    arguments: &LogsArguments,
    begin: Option<String>,
    offset: &mut Option<u64>,
    screen: &mut Screen,
) -> Result<bool> {
    let attempt = arguments.attempt.map(|number| number.to_string());
    let follow = arguments.follow.then(|| "true".to_owned());
    let mut answer = client.stream(path, &[("offset", begin), ("follow", follow), ("attempt", attempt)], None)?;
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
    let mut at = number(answer.header(HEADER_OFFSET)).unwrap_or_default();
    let length = number(answer.header(HEADER_LENGTH)).unwrap_or_default();
    let sealed = answer.header(HEADER_STATE) == Some("sealed");
    *offset = Some(at);
    let mut bytes = vec![0; PIECE];
    loop {
        let read = answer.read(&mut bytes)?;
        if read == 0 {
            screen.flush()?;
            return Ok(sealed && at >= length);
        }
        screen.bytes(&bytes[..read])?;
        screen.flush()?;
        at += read as u64;
        *offset = Some(at);
    }
}
