//! What the demo says: lines for people, or one JSON object for each event.

use serde_json::{Value, json};

use crate::clock::Stopwatch;
use crate::error::Result;
use crate::output::Screen;

/// Says things as they happen.
#[derive(Debug)]
pub struct Teller<'a> {
    screen: &'a mut Screen,
    since: Stopwatch,
}

impl<'a> Teller<'a> {
    /// From now on.
    pub fn new(screen: &'a mut Screen) -> Self {
        Self { screen, since: Stopwatch::start() }
    }

    /// Milliseconds since the demo began.
    pub fn ms(&self) -> u64 {
        self.since.ms()
    }

    /// A line that is only for people.
    pub fn say(&mut self, text: &str) -> Result<()> {
        if self.screen.is_json() {
            return Ok(());
        }
        self.screen.line(text)?;
        self.screen.flush()
    }

    /// A line with text from outside after ours.
    pub fn quote(&mut self, ours: &str, foreign: &str) -> Result<()> {
        if self.screen.is_json() {
            return Ok(());
        }
        self.screen.line_with(ours, foreign)?;
        self.screen.flush()
    }

    /// An event: its line for people, its members for programs.
    pub fn event(&mut self, kind: &str, text: &str, members: Value) -> Result<()> {
        if !self.screen.is_json() {
            return self.say(text);
        }
        let mut event = json!({ "event": kind, "at_ms": self.ms() });
        if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
            event.extend(members);
        }
        self.screen.json(&event)?;
        self.screen.flush()
    }

    /// The last line for programs.
    pub fn last(&mut self, value: &Value) -> Result<()> {
        if self.screen.is_json() { self.screen.json(value) } else { Ok(()) }
    }
}
