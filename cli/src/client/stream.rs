//! Answers that go on: bytes of logs, JSON lines, events.

use std::io::{BufRead, BufReader, Read};

use ureq::Body;
use ureq::http::{HeaderMap, Response};

use crate::error::{Error, Result};

/// The longest line that is taken, more than a line of a log with its base64 can have.
const LINE_BYTES: u64 = 1024 * 1024;

/// An answer whose body is read as it comes.
pub struct Streamed {
    url: String,
    headers: HeaderMap,
    reader: Box<dyn Read>,
}

impl std::fmt::Debug for Streamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streamed").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Streamed {
    pub(super) fn new(url: String, answer: Response<Body>) -> Self {
        let (parts, body) = answer.into_parts();
        let reader = body.into_with_config().limit(u64::MAX).reader();
        Self { url, headers: parts.headers, reader: Box::new(reader) }
    }

    /// A header, if it is there and plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The next bytes; 0: the body has ended well.
    pub fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        self.reader.read(bytes).map_err(|source| Error::BrokeOff { url: self.url.clone(), source })
    }

    /// All that is left.
    pub fn read_to_end(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.reader.read_to_end(&mut bytes);
        read.map_err(|source| Error::BrokeOff { url: self.url.clone(), source })?;
        Ok(bytes)
    }

    /// The body line by line.
    pub fn lines(self) -> Lines {
        Lines { url: self.url, reader: BufReader::new(self.reader) }
    }
}

/// Lines of a body.
pub struct Lines {
    url: String,
    reader: BufReader<Box<dyn Read>>,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Lines {
    /// The next line without its end; none: the body has ended well.
    pub fn next_line(&mut self) -> Result<Option<String>> {
        let broke_off = |source| Error::BrokeOff { url: self.url.clone(), source };
        let mut line = Vec::new();
        let read = (&mut self.reader).take(LINE_BYTES).read_until(b'\n', &mut line).map_err(broke_off)?;
        if read == 0 {
            return Ok(None);
        }
        while line.last().is_some_and(|b| *b == b'\n' || *b == b'\r') {
            line.pop();
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }
}
