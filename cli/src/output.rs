//! What is printed, and where: data to standard output, all else to standard error. Nothing else in the client prints.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{Error, Result};

/// How data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document, or JSON lines where it follows
    Json,
}

/// Whether outcomes have colours besides their words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Where the client prints.
pub struct Screen {
    format: Format,
    colour: bool,
    unicode: bool,
    terminal: bool,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Screen {
    /// Standard output and standard error.
    pub fn standard(format: Format, colour: Colour) -> Self {
        let terminal = io::stdout().is_terminal();
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let plain = variable("NO_COLOR").is_some() || variable("TERM").as_deref() == Some("dumb");
        let colour = match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !plain,
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default().to_uppercase();
        let unicode = locale.contains("UTF-8") || locale.contains("UTF8");
        Self { format, colour, unicode, terminal, out: Box::new(io::stdout()), err: Box::new(io::stderr()) }
    }

    /// Into these writers, without colours, with or without marks beyond ASCII.
    pub fn into_writers(format: Format, unicode: bool, out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self { format, colour: false, unicode, terminal: false, out, err }
    }

    /// True if data shall be JSON.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// True if a person looks at standard output.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// One line (or several) of ours, as data.
    pub fn line(&mut self, text: &str) -> Result<()> {
        let text = self.painted(&self.marks(text));
        written(writeln!(self.out, "{text}"))
    }

    /// A line of ours with text from outside after it, which is shown as it is but for what a terminal would obey.
    pub fn line_with(&mut self, ours: &str, foreign: &str) -> Result<()> {
        let ours = self.marks(ours);
        written(writeln!(self.out, "{ours}{}", crate::text::visible(foreign)))
    }

    /// Bytes from outside, as they are into a pipe, made harmless on a terminal.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if !self.terminal {
            return written(self.out.write_all(bytes));
        }
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<String> = text.split('\n').map(crate::text::visible).collect();
        written(self.out.write_all(lines.join("\n").as_bytes()))
    }

    /// Data as one JSON document, on one line.
    pub fn json<T: Serialize>(&mut self, value: &T) -> Result<()> {
        let text = serde_json::to_string(value).expect("shapes of the API are JSON");
        written(writeln!(self.out, "{text}"))
    }

    /// Something that is no data, on standard error.
    pub fn note(&mut self, text: &str) -> Result<()> {
        let text = self.marks(text);
        written(writeln!(self.err, "{text}"))
    }

    /// The same without an end of line: a question.
    pub fn ask(&mut self, text: &str) -> Result<()> {
        written(write!(self.err, "{text}").and_then(|()| self.err.flush()))
    }

    /// Brings everything out.
    pub fn flush(&mut self) -> Result<()> {
        written(self.out.flush())
    }

    /// Our marks, in ASCII where the terminal is not known to show more.
    fn marks(&self, text: &str) -> String {
        if self.unicode {
            return text.to_owned();
        }
        let replaced = [("│", "|"), ("┊", ":"), ("·", "-"), ("→", "->"), ("…", "..."), ("—", "-"), ("≥", ">=")];
        replaced.into_iter().fold(text.to_owned(), |text, (mark, ascii)| text.replace(mark, ascii))
    }

    /// Words of outcomes in their colours.
    fn painted(&self, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let paint = [
            ("succeeded", 32),
            ("confirmed", 32),
            ("failed", 31),
            ("FAILED", 31),
            ("unknown", 31),
            ("rolled_back", 33),
            ("cancelled", 33),
            ("timed_out", 31),
        ];
        paint.into_iter().fold(text.to_owned(), |text, (word, colour)| {
            text.replace(word, &format!("\u{1b}[{colour}m{word}\u{1b}[0m"))
        })
    }
}

fn written(result: io::Result<()>) -> Result<()> {
    result.map_err(|source| Error::Terminal { what: "print", source })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Rc<RefCell<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(unicode: bool, act: impl FnOnce(&mut Screen) -> Result<()>) -> (String, String) {
        let (out, err) = (Buffer::default(), Buffer::default());
        let mut screen = Screen::into_writers(Format::Text, unicode, Box::new(out.clone()), Box::new(err.clone()));
        act(&mut screen).expect("a buffer takes every write");
        let text = |buffer: &Buffer| String::from_utf8(buffer.0.borrow().clone()).expect("it is text");
        (text(&out), text(&err))
    }

    #[test]
    fn data_and_all_else_go_different_ways() {
        let both = printed(true, |screen| {
            screen.line("data")?;
            screen.note("else")
        });
        assert_eq!(both, ("data\n".to_owned(), "else\n".to_owned()));
    }

    #[test]
    fn our_marks_become_ascii_and_foreign_text_stays() {
        let (out, _) = printed(false, |screen| screen.line_with("build compile  │ ", "a │ b\u{1b}[2J"));
        assert_eq!(out, "build compile  | a │ b\u{241b}[2J\n");
    }
}
