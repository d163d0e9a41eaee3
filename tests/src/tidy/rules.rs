//! Each rule looks at one file and says where it is broken.

use std::fmt;

use super::arrows::{CRATES, FORBIDDEN_ROOMS, IMPURE, UNSAFE_ROOM, WORDS};
use super::tree::Source;

/// No file of code is longer; tests may tell a longer story.
const LINES_MAX: usize = 400;
const TEST_LINES_MAX: usize = 450;

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A crate depends on one that it must not know.
    Arrows,
    /// A room imports one that it must not know.
    Rooms,
    /// The core touches the world.
    Purity,
    /// `unsafe` outside its room.
    Unsafe,
    /// A file is too long.
    Size,
    /// A `mod.rs` does more than declare.
    ModFile,
    /// A name in other words.
    Words,
    /// A test that does not run.
    Ignored,
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// File, from the root.
    pub file: String,
    /// Line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {:?}: {}", self.file, self.line, self.rule, self.what)
    }
}

fn broken(source: &Source, rule: Rule, line: usize, what: impl Into<String>) -> Broken {
    Broken { rule, file: source.path.clone(), line, what: what.into() }
}

/// All rules that look at a file of code.
pub(super) fn of_source(source: &Source, out: &mut Vec<Broken>) {
    let is_test = source.is_test();
    let lines = source.text.lines().count();
    let most = if is_test { TEST_LINES_MAX } else { LINES_MAX };
    if lines > most {
        out.push(broken(source, Rule::Size, 0, format!("{lines} lines, at most {most}")));
    }
    for (number, line) in source.text.lines().enumerate() {
        let (number, code) = (number + 1, code_of(line));
        if code.contains("unsafe ") && !source.path.starts_with(UNSAFE_ROOM) && !source.path.starts_with("tests/") {
            out.push(broken(source, Rule::Unsafe, number, "unsafe code"));
        }
        if code.trim_start().starts_with("#[ignore") {
            out.push(broken(source, Rule::Ignored, number, "a test that does not run"));
        }
        if source.path.starts_with("core/src") && !is_test {
            let found = IMPURE.iter().filter(|word| code.contains(*word));
            out.extend(found.map(|word| broken(source, Rule::Purity, number, format!("`{word}` in the core"))));
        }
        if !source.path.starts_with("tests/src/tidy") {
            let lower = code.to_lowercase();
            let found = WORDS.iter().filter(|word| lower.contains(*word));
            out.extend(found.map(|word| broken(source, Rule::Words, number, format!("`{word}`"))));
        }
        if !is_test {
            of_import(source, number, code, out);
        }
    }
    if source.path.ends_with("/mod.rs") && !is_test {
        of_mod_file(source, out);
    }
}

fn of_import(source: &Source, number: usize, code: &str, out: &mut Vec<Broken>) {
    for (room, forbidden) in FORBIDDEN_ROOMS.iter().filter(|(room, _)| source.path.starts_with(room)) {
        for name in *forbidden {
            let inside = format!("crate::{name}");
            let imports = names(code, &inside) || (name.starts_with("windlass_") && names(code, name));
            if imports {
                out.push(broken(source, Rule::Rooms, number, format!("{room} must not know {name}")));
            }
        }
    }
}

/// True if `code` contains `path` as a whole, and not the beginning of a longer name.
fn names(code: &str, path: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    code.match_indices(path).any(|(at, _)| ends(&code[at + path.len()..]))
}

/// A `mod.rs` declares, documents and re-exports.
fn of_mod_file(source: &Source, out: &mut Vec<Broken>) {
    let starts =
        ["fn ", "pub fn ", "impl ", "pub struct ", "struct ", "pub enum ", "enum ", "async fn ", "pub async fn "];
    for (number, line) in source.text.lines().enumerate() {
        if starts.iter().any(|start| line.starts_with(start)) {
            out.push(broken(source, Rule::ModFile, number + 1, "a mod.rs only declares, documents and re-exports"));
        }
    }
}

/// A line without its comment.
fn code_of(line: &str) -> &str {
    if line.trim_start().starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) }
}

/// The dependencies of a crate of ours, by its `Cargo.toml`.
pub(super) fn of_manifest(folder: &str, manifest: &toml::Table, out: &mut Vec<Broken>) {
    let allowed = CRATES.iter().find(|(name, _)| *name == folder).map_or(&[][..], |(_, allowed)| allowed);
    let Some(dependencies) = manifest.get("dependencies").and_then(toml::Value::as_table) else { return };
    for name in dependencies.keys().filter(|name| name.starts_with("windlass")) {
        if !allowed.contains(&name.as_str()) {
            let file = format!("{folder}/Cargo.toml");
            let what = format!("{folder} must not depend on {name}");
            out.push(Broken { rule: Rule::Arrows, file, line: 0, what });
        }
    }
}
