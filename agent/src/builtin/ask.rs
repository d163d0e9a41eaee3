//! Asking the agent: one line of JSON there, one back. Called by built-in steps.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use windlass_core::model::{Change, Digest, Fence};

use super::context::{Context, Failure};

/// The most bytes of an answer.
const ANSWER_MAX: u64 = 1024 * 1024;

#[derive(Debug, Serialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Ask<'a> {
    Fetch { fence: Fence, digest: Digest },
    Put { fence: Fence, name: &'a str, path: &'a Path },
    Observe { change: &'a Change },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    Ok(T),
    Error { text: String, may_pass: bool },
}

#[derive(Debug, Deserialize)]
struct Fetched {
    path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Stored {
    digest: Digest,
    size: u64,
}

#[derive(Debug, Deserialize)]
struct Nothing {}

/// The file with this content, fetched by the agent, which waits while the master is away.
pub fn ask_fetch(context: &Context, digest: Digest) -> Result<PathBuf, Failure> {
    let fetched: Fetched = ask(context, &Ask::Fetch { fence: context.fence, digest })?;
    Ok(fetched.path)
}

/// Brings a file to the master under the name of an artifact; when this returns the master has it on disk.
pub fn ask_put(context: &Context, name: &str, path: &Path) -> Result<(Digest, u64), Failure> {
    let stored: Stored = ask(context, &Ask::Put { fence: context.fence, name, path })?;
    Ok((stored.digest, stored.size))
}

/// Has the agent look at a service at once. Nothing depends on it: an agent that is away looks when it is back.
pub fn tell_observe(context: &Context, change: &Change) {
    let told: Result<Nothing, Failure> = ask(context, &Ask::Observe { change });
    if let Err(failure) = told {
        context.log.line(format_args!("the agent was not told to look: {failure}"));
    }
}

fn ask<T: for<'de> Deserialize<'de>>(context: &Context, ask: &Ask<'_>) -> Result<T, Failure> {
    let line =
        exchange(context, ask).map_err(|error| Failure::MayPass(format!("the agent does not answer: {error}")))?;
    let answer: Answer<T> = serde_json::from_str(&line)
        .map_err(|error| Failure::MayPass(format!("the agent's answer is not understood: {error}")))?;
    match answer {
        Answer::Ok(answer) => Ok(answer),
        Answer::Error { text, may_pass: true } => Err(Failure::MayPass(text)),
        Answer::Error { text, may_pass: false } => Err(Failure::Failed(text)),
    }
}

fn exchange(context: &Context, ask: &Ask<'_>) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(&context.socket)?;
    let mut request = serde_json::to_vec(ask).expect("a question is plain JSON");
    request.push(b'\n');
    stream.write_all(&request)?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_MAX)).read_line(&mut line)?;
    Ok(line)
}
