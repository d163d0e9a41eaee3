//! A run as it goes on: every line of its logs, and the run each time it has changed, until it has ended and its logs are whole, or
//! until nothing of it goes on but a person's word.
//!
//! Two threads ask the master, one for lines and one for the run; the caller gets both in one stream. Invariant: over a restart of the
//! master no line is lost and none comes twice.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use windlass_proto::api::{Job, JobState, LogLine, Run, RunState};

use crate::client::{Client, Lines};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};

/// Lines that wait for a slow terminal; more wait at the master.
const WAITING_NEWS: usize = 1024;
/// The longest time until the run is looked at again, whatever changed.
const WAIT: &str = "1s";
/// Between two tries to reach a master that is away.
const AGAIN: Duration = Duration::from_millis(300);
/// After so long without news a run that waits for a person is left.
const QUIET: Duration = Duration::from_secs(1);
/// A master that is away for so long is given up.
const GIVE_UP: Duration = Duration::from_secs(600);

/// Something new about a run.
#[derive(Debug, Clone)]
pub enum News {
    /// A line, a gap or an end of a log.
    Line(Box<LogLine>),
    /// The run is as this now.
    Run(Box<Run>),
}

enum Item {
    News(News),
    LogsEnded,
    Failed(Error),
}

/// What the one who follows wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// More.
    On,
    /// No more: nothing goes on by itself.
    Leave,
}

/// Tells `each` everything about a run until it has ended, until only a person can go on with it or until `each` leaves it, and gives it
/// as it is then; none: it was left before it was looked at. `id` as in a path.
pub fn until_left(client: &Client, id: &str, each: &mut dyn FnMut(News) -> Result<Follow>) -> Result<Option<Run>> {
    let (sender, receiver) = sync_channel(WAITING_NEWS);
    let spawn = |name: &str, work: fn(&Client, &str, &SyncSender<Item>) -> Result<()>| {
        let (client, id, sender) = (client.clone(), id.to_owned(), sender.clone());
        let body = move || {
            if let Err(error) = work(&client, &id, &sender) {
                // A receiver that is gone wants no news.
                let _gone = sender.send(Item::Failed(error));
            }
        };
        let started = thread::Builder::new().name(name.to_owned()).spawn(body);
        started.map(drop).map_err(|source| Error::Terminal { what: "start a thread", source })
    };
    spawn("follow-run", watch_run)?;
    spawn("follow-logs", watch_logs)?;
    drop(sender);
    deliver(&receiver, each)
}

/// The same by one who never leaves.
pub fn run(client: &Client, id: &str, each: &mut dyn FnMut(News) -> Result<()>) -> Result<Run> {
    let last = until_left(client, id, &mut |news| each(news).map(|()| Follow::On))?;
    last.ok_or_else(early)
}

fn early() -> Error {
    Error::Terminal { what: "follow a run: its threads ended early", source: std::io::ErrorKind::Other.into() }
}

fn deliver(receiver: &Receiver<Item>, each: &mut dyn FnMut(News) -> Result<Follow>) -> Result<Option<Run>> {
    let (mut last, mut held, mut ended, mut logs_ended) = (None, false, false, false);
    loop {
        let patience = if held { QUIET } else { GIVE_UP };
        match receiver.recv_timeout(patience) {
            Ok(Item::News(news)) => {
                if let News::Run(run) = &news {
                    (held, ended) = (waits_for_a_person(run), ended || run.state == RunState::Ended);
                    last = Some(Run::clone(run));
                }
                if each(news)? == Follow::Leave {
                    return Ok(last);
                }
            }
            Ok(Item::LogsEnded) => logs_ended = true,
            Ok(Item::Failed(error)) => return Err(error),
            Err(RecvTimeoutError::Timeout) if held => return Ok(last),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) if ended => return Ok(last),
            Err(RecvTimeoutError::Disconnected) => return Err(early()),
        }
        if ended && logs_ended {
            return Ok(last);
        }
    }
}

/// True if nothing of it goes on by itself.
fn waits_for_a_person(run: &Run) -> bool {
    let rests = |job: &Job| match job.state {
        JobState::Ended => true,
        JobState::Placed | JobState::Accepted | JobState::Running => false,
        JobState::Waiting => {
            let reason = job.waiting.as_ref().map(|waiting| waiting.reason.as_str());
            matches!(reason, Some("unsettled" | "needs"))
        }
    };
    run.state == RunState::Held && run.jobs.iter().all(rests)
}

/// Looks at the run each time it changes.
fn watch_run(client: &Client, id: &str, news: &SyncSender<Item>) -> Result<()> {
    let (mut last, mut away) = (None, Away::default());
    loop {
        let wait = last.as_ref().map(|_: &Run| WAIT.to_owned());
        let run: Run = match client.get(&format!("/runs/{id}"), &[("wait", wait)]) {
            Ok(run) => run,
            Err(error) => {
                away.bear(error)?;
                continue;
            }
        };
        away = Away::default();
        let is_ended = run.state == RunState::Ended;
        if last.as_ref() != Some(&run) {
            last = Some(run.clone());
            if news.send(Item::News(News::Run(Box::new(run)))).is_err() {
                return Ok(());
            }
        }
        if is_ended {
            return Ok(());
        }
    }
}

/// Reads the lines of all logs, going on at the last cursor when an answer ends early.
fn watch_logs(client: &Client, id: &str, news: &SyncSender<Item>) -> Result<()> {
    let (mut reading, mut away) = (Reading::default(), Away::default());
    loop {
        let was_ended = client.get::<Run>(&format!("/runs/{id}"), &[]).map(|run| run.state == RunState::Ended);
        let ended = was_ended.and_then(|was_ended| {
            let mut lines = reading.open(client, id)?;
            let more = reading.pass_on(&mut lines, news)?;
            Ok(was_ended || !more)
        });
        match ended {
            Ok(true) => {
                let _gone = news.send(Item::LogsEnded);
                return Ok(());
            }
            Ok(false) => away = Away::default(),
            Err(error) => away.bear(error)?,
        }
    }
}

/// How far a reader of all logs is.
#[derive(Debug, Default)]
pub struct Reading {
    cursor: Option<String>,
    seen: BTreeMap<(String, u32, u32), Seen>,
}

/// What was seen of one log.
#[derive(Debug, Default)]
struct Seen {
    /// By stream: lines of the two may overlap, those of one may not.
    last: BTreeMap<String, Last>,
    gap: Option<u64>,
    ended: bool,
}

/// The last line of a stream.
#[derive(Debug, Clone, Copy)]
struct Last {
    offset: u64,
    end: u64,
}

impl Reading {
    fn open(&self, client: &Client, id: &str) -> Result<Lines> {
        let query = [
            ("format", Some("jsonl".to_owned())),
            ("follow", Some("true".to_owned())),
            ("cursor", self.cursor.clone()),
        ];
        Ok(client.stream(&format!("/runs/{id}/log"), &query, None)?.lines())
    }

    /// False if nobody wants lines any more.
    fn pass_on(&mut self, lines: &mut Lines, news: &SyncSender<Item>) -> Result<bool> {
        while let Some(text) = lines.next_line()? {
            let Ok(line) = serde_json::from_str::<LogLine>(&text) else {
                // The answer broke off within a line; it comes again.
                break;
            };
            if let Some(line) = self.fresh(line)
                && news.send(Item::News(News::Line(Box::new(line)))).is_err()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Remembers the line, and gives what of it was not seen before; cursors are remembered only.
    pub fn fresh(&mut self, mut line: LogLine) -> Option<LogLine> {
        if let Some(cursor) = &line.cursor {
            self.cursor = Some(cursor.clone());
        }
        let seen = self.seen.entry((line.job.clone()?, line.attempt?, line.number?)).or_default();
        if line.end.is_some() {
            return (!std::mem::replace(&mut seen.ended, true)).then_some(line);
        }
        let offset = line.offset?;
        if line.gap.is_some() {
            let is_new = seen.gap.is_none_or(|last| last < offset);
            seen.gap = seen.gap.max(Some(offset));
            return is_new.then_some(line);
        }
        let end = offset + length(&line);
        let stream = line.stream.clone().unwrap_or_default();
        match seen.last.insert(stream.clone(), Last { offset, end }) {
            Some(last) if offset <= last.offset => {
                seen.last.insert(stream, Last { offset: last.offset, end: last.end.max(end) });
                line.text = rest(line.text?, usize::try_from(last.end - offset).unwrap_or(usize::MAX));
                line.text.is_some().then_some(line)
            }
            Some(_) | None => Some(line),
        }
    }
}

/// What follows so many bytes; none if nothing does.
fn rest(text: String, seen: usize) -> Option<String> {
    text.get(seen..).filter(|rest| !rest.is_empty()).map(str::to_owned)
}

/// Bytes of the log that a line stands for.
fn length(line: &LogLine) -> u64 {
    match (&line.text, &line.base64) {
        (Some(text), _) => text.len() as u64,
        (None, Some(encoded)) => bytes_of_base64(encoded),
        (None, None) => 0,
    }
}

fn bytes_of_base64(encoded: &str) -> u64 {
    let padding = encoded.bytes().rev().take_while(|b| *b == b'=').count() as u64;
    (encoded.len() as u64 / 4 * 3).saturating_sub(padding)
}

/// How long the master has been away.
#[derive(Debug, Default)]
struct Away(Option<Stopwatch>);

impl Away {
    /// Waits a little after an error that may pass; gives up on others, and after a long time.
    fn bear(&mut self, error: Error) -> Result<()> {
        let since = self.0.get_or_insert_with(Stopwatch::start);
        if !error.may_pass() || since.elapsed() > GIVE_UP {
            return Err(error);
        }
        thread::sleep(AGAIN);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use windlass_proto::api::{LogEnd, LogGap};

    use super::*;

    fn line(offset: u64, text: &str) -> LogLine {
        LogLine {
            job: Some("build".to_owned()),
            attempt: Some(1),
            number: Some(2),
            offset: Some(offset),
            stream: Some("stdout".to_owned()),
            text: Some(text.to_owned()),
            ..LogLine::default()
        }
    }

    fn is_new(reading: &mut Reading, line: &LogLine) -> bool {
        reading.fresh(line.clone()).is_some()
    }

    #[test]
    fn a_line_that_comes_again_after_a_cut_is_known_by_its_offset() {
        let mut reading = Reading::default();
        assert!(is_new(&mut reading, &line(0, "one\n")));
        assert!(is_new(&mut reading, &line(4, "two\n")));
        assert!(!is_new(&mut reading, &line(0, "one\n")));
        assert!(!is_new(&mut reading, &line(4, "two\n")));
        assert!(is_new(&mut reading, &line(8, "three\n")));
        let cursor = LogLine { cursor: Some("c".to_owned()), ..LogLine::default() };
        assert!(!is_new(&mut reading, &cursor));
        assert_eq!(reading.cursor.as_deref(), Some("c"));
    }

    #[test]
    fn lines_of_two_streams_may_overlap() {
        let mut reading = Reading::default();
        let on_stderr = LogLine { stream: Some("stderr".to_owned()), ..line(2, "x\n") };
        assert!(is_new(&mut reading, &on_stderr));
        assert!(is_new(&mut reading, &line(0, "abc\n")));
    }

    #[test]
    fn a_line_that_was_shown_unended_goes_on_where_it_was_cut() {
        let mut reading = Reading::default();
        assert!(is_new(&mut reading, &line(0, "50 %")));
        let whole = reading.fresh(line(0, "50 % done\n")).expect("its rest is new");
        assert_eq!(whole.text.as_deref(), Some(" done\n"));
        assert!(!is_new(&mut reading, &line(0, "50 % done\n")));
    }

    #[test]
    fn gaps_and_ends_are_told_once() {
        let mut reading = Reading::default();
        let gap = LogLine { text: None, gap: Some(LogGap { dropped: 7, reason: "quota".to_owned() }), ..line(0, "") };
        let end = LogLine { text: None, end: Some(LogEnd { outcome: None, digest: String::new() }), ..line(0, "") };
        assert!(is_new(&mut reading, &gap) && !is_new(&mut reading, &gap));
        assert!(is_new(&mut reading, &end) && !is_new(&mut reading, &end));
    }

    #[test]
    fn bytes_that_are_no_text_count_as_they_were() {
        assert_eq!((bytes_of_base64("AAEC"), bytes_of_base64("AAE="), bytes_of_base64("AA==")), (3, 2, 1));
    }
}
