//! Where an act on the target says what it does: the log of a step, or `way-back.log` when no step runs.
//!
//! Invariant: nothing here fails. A way back does not stop because nobody can read about it.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::clock;
use windlass_core::model::Duration;

/// A place for lines and for the output of hooks.
pub struct Log(Mutex<Box<dyn Write + Send>>);

impl Log {
    /// Writes to this.
    pub fn new(to: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(to)))
    }

    /// One line.
    pub fn line(&self, text: impl fmt::Display) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    /// The name of a part of a change and how long it took.
    pub fn took(&self, part: &str, since: Duration) {
        let ms = clock::since(since).ms();
        self.line(format_args!("{part} {}.{} s", ms / 1_000, ms % 1_000 / 100));
    }

    /// What a hook wrote.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = to.write_all(bytes).and_then(|()| to.flush()) {
            tracing::debug!(%error, "a line about a target could not be written");
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

/// Text that came from outside, fit for one line: control characters shown, cut to `max` characters.
pub fn shown(text: &str, max: usize) -> String {
    text.chars()
        .take(max)
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

/// A file that takes so many bytes and drops the rest, like a log that must stay small.
#[derive(Debug)]
pub struct Bounded<W> {
    to: W,
    left: usize,
}

impl<W: Write> Bounded<W> {
    /// Takes at most `bytes`.
    pub fn new(to: W, bytes: usize) -> Self {
        Self { to, left: bytes }
    }
}

impl<W: Write> Write for Bounded<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let kept = bytes.len().min(self.left);
        self.to.write_all(&bytes[..kept])?;
        self.left -= kept;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}
