//! `windlass events`: what happens, as JSON lines. Goes on where it was when the connection is cut.

use std::thread;
use std::time::Duration;

use windlass_core::model::{ProjectName, RunId};

use crate::client::Client;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::output::Screen;

/// Between two tries to reach a master that is away.
const AGAIN: Duration = Duration::from_secs(1);

/// Prints events until it is interrupted.
pub fn run(
    client: &Client,
    project: Option<ProjectName>,
    run: Option<RunId>,
    kind: Option<String>,
    screen: &mut Screen,
) -> Result<Exit> {
    let query = [
        ("project", project.map(|project| project.to_string())),
        ("run", run.map(|run| run.in_path())),
        ("kind", kind),
    ];
    let mut last: Option<String> = None;
    loop {
        match read(client, &query, &mut last, screen) {
            Err(error) if last.is_none() || !error.may_pass() => return Err(error),
            Ok(()) | Err(_) => thread::sleep(AGAIN),
        }
    }
}

fn read(
    client: &Client,
    query: &[(&str, Option<String>)],
    last: &mut Option<String>,
    screen: &mut Screen,
) -> Result<()> {
    let after = last.clone();
    let header = after.as_deref().map(|id| ("Last-Event-ID", id));
    let mut lines = client.stream("/events", query, header)?.lines();
    let mut frame = Frame::default();
    while let Some(line) = lines.next_line()? {
        let Some((id, data)) = frame.add(&line) else { continue };
        if id.is_some() {
            *last = id;
        }
        let event: serde_json::Value = serde_json::from_str(&data)
            .map_err(|error| Error::BrokeOff { url: client.url().to_owned(), source: error.into() })?;
        screen.json(&event)?;
        screen.flush()?;
    }
    Ok(())
}

/// One event of a stream, line by line.
#[derive(Debug, Default)]
struct Frame {
    id: Option<String>,
    data: Vec<String>,
}

impl Frame {
    /// Takes a line; gives the id and data of an event when it is whole.
    fn add(&mut self, line: &str) -> Option<(Option<String>, String)> {
        if line.is_empty() {
            let Self { id, data } = std::mem::take(self);
            return (!data.is_empty()).then(|| (id, data.join("\n")));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.to_owned()),
            "data" => self.data.push(value.to_owned()),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_whole_at_the_empty_line() {
        let mut frame = Frame::default();
        let told: Vec<_> = ["id: 7", "event: run.created", "data: {\"a\":", "data: 1}", "", ": still here", ""]
            .into_iter()
            .filter_map(|line| frame.add(line))
            .collect();
        assert_eq!(told, [(Some("7".to_owned()), "{\"a\":\n1}".to_owned())]);
    }
}
