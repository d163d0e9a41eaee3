//! The files of the project, and what is printed about them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::arrows::CRATES;
use super::rules::{Broken, Rule, of_manifest, of_source};

/// A file of code.
#[derive(Debug)]
pub struct Source {
    /// From the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// True for tests, wherever they stand.
    pub fn is_test(&self) -> bool {
        let path = &self.path;
        path.starts_with("tests/")
            || path.contains("/tests/")
            || path.ends_with("/tests.rs")
            || path.contains("/tests_")
    }
}

/// All files of code of the project.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    sources: Vec<Source>,
}

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

impl Tree {
    /// Reads every crate.
    pub fn read(root: &Path) -> Self {
        let mut sources = Vec::new();
        for (folder, _) in CRATES {
            collect(root, &root.join(folder), &mut sources);
        }
        sources.sort_by(|a, b| a.path.cmp(&b.path));
        sources.dedup_by(|a, b| a.path == b.path);
        Self { root: root.to_owned(), sources }
    }

    /// Every broken rule.
    pub fn broken(&self) -> Vec<Broken> {
        let mut out = Vec::new();
        for source in &self.sources {
            of_source(source, &mut out);
        }
        for (folder, _) in CRATES {
            let path = self.root.join(folder).join("Cargo.toml");
            let text = std::fs::read_to_string(&path).expect("every crate has a manifest");
            of_manifest(folder, &text.parse().expect("a manifest is TOML"), &mut out);
        }
        out
    }

    /// Files per crate, and their sizes in lines.
    pub fn report(&self) -> String {
        let mut out = format!(
            "{:<12}{:>6}{:>8}{:>8}{:>6}{:>9}  largest file\n",
            "crate", "files", "lines", "median", "p90", "largest"
        );
        for (folder, _) in CRATES {
            let files = self.files_of(folder);
            let name = files.last().map_or("", |(_, path)| path.as_str());
            let _ = writeln!(out, "{}{name}", row(folder, &files));
        }
        let all = self.lines(|_| true);
        let _ = writeln!(out, "{}", row("all", &all));
        out
    }

    fn files_of(&self, folder: &str) -> Vec<(usize, String)> {
        let prefix = format!("{folder}/");
        let in_shim = |path: &str| path.starts_with("agent/shim/");
        self.lines(|path| path.starts_with(&prefix) && (folder != "agent" || !in_shim(path)))
    }

    fn lines(&self, takes: impl Fn(&str) -> bool) -> Vec<(usize, String)> {
        let chosen = self.sources.iter().filter(|source| takes(&source.path));
        let mut lines: Vec<_> = chosen.map(|source| (source.text.lines().count(), source.path.clone())).collect();
        lines.sort();
        lines
    }
}

fn row(name: &str, sorted: &[(usize, String)]) -> String {
    let at = |part: usize| {
        sorted.get((sorted.len() * part / 100).min(sorted.len().saturating_sub(1))).map_or(0, |file| file.0)
    };
    let total: usize = sorted.iter().map(|file| file.0).sum();
    format!("{name:<12}{:>6}{total:>8}{:>8}{:>6}{:>9}  ", sorted.len(), at(50), at(90), at(100))
}

fn collect(root: &Path, folder: &Path, out: &mut Vec<Source>) {
    let entries = std::fs::read_dir(folder).expect("every folder of the project can be read");
    for entry in entries.map(|entry| entry.expect("it is there").path()) {
        if entry.is_dir() {
            collect(root, &entry, out);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let path = entry.strip_prefix(root).expect("it lies below the root").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&entry).expect("code is text");
            out.push(Source { path, text });
        }
    }
}

/// What is printed about broken rules.
pub fn summary(broken: &[Broken]) -> String {
    let mut out = String::new();
    for found in broken {
        let _ = writeln!(out, "{found}");
    }
    let against = broken.iter().filter(|found| matches!(found.rule, Rule::Arrows | Rule::Rooms)).count();
    let _ = writeln!(
        out,
        "imports against the arrows: {}",
        if against == 0 { "none".to_owned() } else { against.to_string() }
    );
    let _ = writeln!(out, "broken rules: {}", broken.len());
    out
}

/// Prints to standard output.
#[expect(clippy::print_stdout, reason = "it is what the program `tidy` is for")]
pub fn print(text: &str) {
    print!("{text}");
}
