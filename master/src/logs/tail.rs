//! Reading a log while it grows: catch up from the file, then follow. A slow reader goes back to the file.

use bytes::Bytes;
use tokio::sync::watch;

use super::{LogName, LogPhase, LogState, Logs, Result};

/// A piece of a log that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Bytes.
    Bytes {
        /// Where they begin.
        offset: u64,
        /// Never empty.
        data: Bytes,
        /// They are not synced yet: a power cut may take them back, and they come again.
        provisional: bool,
    },
    /// The log is sealed and read to its end.
    End {
        /// How long it is.
        total: u64,
    },
}

/// A reader of one log.
#[derive(Debug)]
pub struct Tail {
    logs: Logs,
    name: LogName,
    offset: u64,
    /// None for a log that was over when the reader began.
    state: Option<watch::Receiver<LogState>>,
}

impl Tail {
    pub(super) fn new(logs: Logs, name: LogName, offset: u64, state: Option<watch::Receiver<LogState>>) -> Self {
        Self { logs, name, offset, state }
    }

    /// The next offset.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// At most `max` bytes, waiting for them if there are none; may be dropped and called again. A log that nobody ever opens is
    /// waited for without end: who knows that its attempt is over stops asking.
    pub async fn next(&mut self, max: usize) -> Result<Part> {
        loop {
            // First the state, then the file: what is written in between wakes us.
            let state = self.state.as_mut().map(|state| *state.borrow_and_update());
            let data = self.logs.read(&self.name, self.offset, max).await?;
            if !data.is_empty() {
                let offset = self.offset;
                self.offset += data.len() as u64;
                let provisional = state.is_some_and(|state| self.offset > state.durable);
                return Ok(Part::Bytes { offset, data, provisional });
            }
            match (state.map(|state| state.phase), &mut self.state) {
                (None | Some(LogPhase::Sealed), _) | (_, None) => return Ok(Part::End { total: self.offset }),
                (Some(LogPhase::Absent | LogPhase::Live), Some(changes)) => {
                    if changes.changed().await.is_err() {
                        // The writer is gone, and its last word was read above or is read now.
                        self.state = None;
                    }
                }
            }
        }
    }
}
