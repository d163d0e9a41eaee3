//! Planted bugs: `planted --check` says whether all patches in `tests/planted` apply; without it each is applied to a copy of the tree,
//! the simulator is built there, and the number of seeds until it finds the bug is printed. Exit code 1 if one does not apply or is
//! not found.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Seeds that a bug may hide from.
const SEEDS: &str = "20000";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let check = words.iter().any(|word| word == "--check");
    let only = words.iter().find(|word| !word.starts_with("--"));
    match play(check, only.map(String::as_str)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("cannot play the planted bugs: {error}"));
            ExitCode::from(2)
        }
    }
}

fn play(check: bool, only: Option<&str>) -> io::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let mut patches: Vec<PathBuf> =
        root.join("tests/planted").read_dir()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    patches.retain(|path| path.extension() == Some(OsStr::new("patch")));
    patches.retain(|path| only.is_none_or(|only| path.file_stem() == Some(OsStr::new(only))));
    patches.sort();
    let mut sound = !patches.is_empty();
    if check {
        for patch in &patches {
            let applies = apply(&root, patch, "--check")?;
            sound &= applies;
            if !applies {
                say(&format!("{} does not apply", patch.display()));
            }
        }
        say(&format!("{} patches looked at", patches.len()));
        return Ok(sound);
    }
    let copy = tempfile::tempdir()?;
    if !copied(&root, copy.path())? {
        return Err(io::Error::other("the tree cannot be copied"));
    }
    for patch in &patches {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !apply(copy.path(), patch, "--verbose")? {
            say(&format!("{name}: does not apply"));
            sound = false;
            continue;
        }
        match seeds_needed(copy.path())? {
            Some(seeds) => say(&format!("{name}: found after {seeds} seeds")),
            None => {
                say(&format!("{name}: NOT FOUND"));
                sound = false;
            }
        }
        apply(copy.path(), patch, "--reverse")?;
    }
    Ok(sound)
}

fn apply(root: &Path, patch: &Path, how: &str) -> io::Result<bool> {
    Ok(Command::new("git").current_dir(root).arg("apply").arg(how).arg(patch).output()?.status.success())
}

/// All files that git knows, as they are now.
fn copied(root: &Path, to: &Path) -> io::Result<bool> {
    let listed = Command::new("git").current_dir(root).args(["ls-files", "-z"]).output()?;
    for name in listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = String::from_utf8_lossy(name).into_owned();
        let target = to.join(&name);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(root.join(&name), target)?;
    }
    Ok(listed.status.success())
}

/// Builds the simulator of a tree and runs it; the target folder is shared by all, so only what changed is built.
fn seeds_needed(root: &Path) -> io::Result<Option<u64>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["run", "--quiet", "-p", "windlass-tests", "--bin", "sim", "--", "--seeds", SEEDS]);
    let output = cargo.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let seeds = text.lines().filter_map(|line| line.strip_prefix("VIOLATION seed ")?.split(':').next()?.parse().ok());
    let found = seeds.min();
    if found.is_none() && !output.status.success() {
        say(&String::from_utf8_lossy(&output.stderr));
    }
    Ok(found)
}

fn say(line: &str) {
    // Where nobody reads there is nothing to say.
    _ = writeln!(io::stdout().lock(), "{line}");
}
