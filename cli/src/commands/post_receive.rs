//! `windlass post-receive`: git's hook. Each line of its input becomes a signed delivery.

use std::io::BufRead;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use ureq::Agent;

use crate::client::refused;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::output::Screen;
use crate::sign::{HookKey, delivery_id};

/// A delivery is answered within this, or tried again.
const ANSWER: Duration = Duration::from_secs(10);
/// Tries of one delivery. Its id is the same each time, so that it makes one run.
const TRIES: u32 = 3;
/// Between two tries.
const AGAIN: Duration = Duration::from_secs(1);

/// What the generic webhook takes.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Delivery {
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    revision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
}

/// One line of git's input.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    id: String,
    reference: String,
    delivery: Delivery,
}

/// Reads all lines, sends what is to be sent.
pub fn run(url: &str, secret_file: &Path, screen: &mut Screen) -> Result<Exit> {
    let failed = |source| Error::File { what: "read", path: secret_file.to_owned(), source };
    let text = std::fs::read_to_string(secret_file).map_err(failed)?;
    let key = HookKey::from_text(&text).ok_or_else(|| Error::FileWrong {
        path: secret_file.to_owned(),
        why: "it holds no key of 16 bytes or more".to_owned(),
        hint: format!("openssl rand -hex 32 > {}", secret_file.display()),
    })?;
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(ANSWER))
        .proxy(None)
        .build()
        .into();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|source| Error::Terminal { what: "read git's lines", source })?;
        match change(&line) {
            Some(change) => {
                let answer = deliver(&agent, url, &key, &change)?;
                screen.note(&format!("windlass: {} delivered{answer}", change.reference))?;
            }
            None if line.trim().is_empty() => {}
            None => screen.note(&format!("windlass: nothing to deliver for {line:?}"))?,
        }
    }
    Ok(Exit::Done)
}

/// `old new ref`; none for a ref that was deleted or is neither branch nor tag.
fn change(line: &str) -> Option<Change> {
    let mut words = line.split_whitespace();
    let (old, new, reference) = (words.next()?, words.next()?, words.next()?);
    let exists = |id: &str| id.bytes().any(|b| b != b'0');
    let branch = reference.strip_prefix("refs/heads/").map(str::to_owned);
    let tag = reference.strip_prefix("refs/tags/").map(str::to_owned);
    if !exists(new) || (branch.is_none() && tag.is_none()) {
        return None;
    }
    let before = exists(old).then(|| old.to_owned());
    let delivery = Delivery { branch, tag, revision: new.to_owned(), before };
    Some(Change { id: delivery_id(reference, old, new), reference: reference.to_owned(), delivery })
}

/// Sends one; gives what the master said of the run.
fn deliver(agent: &Agent, url: &str, key: &HookKey, change: &Change) -> Result<String> {
    let body = serde_json::to_vec(&change.delivery).expect("texts are JSON");
    let mut tries = 1;
    loop {
        match send(agent, url, key, change, &body) {
            Ok(run) => return Ok(run),
            Err(error) if error.may_pass() && tries < TRIES => tries += 1,
            Err(error) => {
                return Err(Error::NotDelivered { reference: change.reference.clone(), source: Box::new(error) });
            }
        }
        std::thread::sleep(AGAIN);
    }
}

fn send(agent: &Agent, url: &str, key: &HookKey, change: &Change, body: &[u8]) -> Result<String> {
    let timestamp = crate::clock::now().0 / 1_000;
    let answer = agent
        .post(url)
        .header("Content-Type", "application/json")
        .header("webhook-id", &change.id)
        .header("webhook-timestamp", timestamp.to_string())
        .header("webhook-signature", key.signature(&change.id, timestamp, body))
        .send(body);
    let answer = answer.map_err(|source| Error::NotReachable { url: url.to_owned(), source })?;
    let mut answer = refused(url, answer)?;
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    let run = serde_json::from_str::<serde_json::Value>(&text).ok();
    let run = run.as_ref().and_then(|value| value.get("run")).and_then(|run| run.as_str().map(crate::text::run_id));
    Ok(run.map_or_else(String::new, |run| format!(": {run}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZEROS: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn branches_and_tags_are_delivered_with_what_was_there_before() {
        let moved = change(&format!("{} {} refs/heads/main", "a".repeat(40), "b".repeat(40))).expect("a change");
        let body = serde_json::to_string(&moved.delivery).expect("texts are JSON");
        let (old, new) = ("a".repeat(40), "b".repeat(40));
        assert_eq!(body, format!(r#"{{"branch":"main","revision":"{new}","before":"{old}"}}"#));
        let made = change(&format!("{ZEROS} {new} refs/tags/v1")).expect("a change");
        let body = serde_json::to_string(&made.delivery).expect("texts are JSON");
        assert_eq!(body, format!(r#"{{"tag":"v1","revision":"{new}"}}"#));
    }

    #[test]
    fn what_is_gone_or_no_branch_is_not_delivered() {
        let new = "b".repeat(40);
        for line in [format!("{new} {ZEROS} refs/heads/main"), format!("{ZEROS} {new} refs/notes/x"), String::new()] {
            assert_eq!(change(&line), None, "{line}");
        }
    }
}
