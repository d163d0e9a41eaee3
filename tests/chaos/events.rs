//! Events that a reader had before the master died, looked for afterwards.

use std::io::{BufRead, BufReader};
use std::thread::JoinHandle;
use std::time::Duration;

use windlass_tests::harness::Api;

use crate::findings::Findings;

/// A master that answers has sent what it knows by then.
const KNOWN: Duration = Duration::from_secs(20);

/// An event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    id: u64,
    text: String,
}

/// A reader that goes on until its master is gone.
#[derive(Debug)]
pub(crate) struct Reading {
    api: Api,
    after: u64,
    thread: JoinHandle<Vec<Event>>,
}

impl Reading {
    /// Reads what follows `after`.
    pub(crate) fn begin(api: Api, after: u64) -> Self {
        let of_thread = api.clone();
        let thread = std::thread::spawn(move || read(&of_thread, after, usize::MAX));
        Self { api, after, thread }
    }

    /// After the restart: all that was read is there, the same. Returns the last one.
    pub(crate) fn compare(self, findings: &mut Findings) -> u64 {
        let before = self.thread.join().expect("a reader ends with its master");
        let after = read(&self.api, self.after, before.len());
        findings.acknowledged += before.len();
        if let Some(lost) =
            before.iter().zip(after.iter().map(Some).chain(std::iter::repeat(None))).find(|(was, is)| Some(*was) != *is)
        {
            findings.violation(format!("an event that was sent is lost or another: {lost:?}"));
        }
        before.last().map_or(self.after, |event| event.id)
    }
}

/// Events after this one, until there are so many, or the stream ends.
fn read(api: &Api, after: u64, most: usize) -> Vec<Event> {
    let mut events = Vec::new();
    if most == 0 {
        return events;
    }
    let Some(stream) = api.stream("/events", after, KNOWN) else { return events };
    let (mut id, mut text) = (0, String::new());
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if let Some(of_event) = line.strip_prefix("id: ") {
            id = of_event.parse().expect("an id of an event is a number");
        } else if line.is_empty() {
            if !text.is_empty() {
                events.push(Event { id, text: std::mem::take(&mut text) });
            }
            if events.len() >= most {
                break;
            }
        } else if !line.starts_with(':') {
            text.push_str(&line);
        }
    }
    events
}
