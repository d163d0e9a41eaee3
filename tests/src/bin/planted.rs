//! Planted bugs: `planted --check` says whether all patches in `tests/planted` apply; without it each is applied to a copy of the tree,
//! the simulator is built there, and the number of seeds until it finds the bug is printed. `planted NAME ...` plays only these. Exit code
//! 1 if one does not apply or is not found.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Seeds that a bug may hide from.
const SEEDS: &str = "20000";
/// Nor for longer.
const MINUTES: &str = "10";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let check = words.iter().any(|word| word == "--check");
    let only: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.starts_with("--")).collect();
    match play(check, &only) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("cannot play the planted bugs: {error}"));
            ExitCode::from(2)
        }
    }
}

fn play(check: bool, only: &[&str]) -> io::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let patches = patches(&root, only)?;
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
    // At the same place each time, so that the artefacts of the last time serve again.
    let copy = root.join("target/planted");
    refresh(&root, &copy)?;
    let mut found = 0;
    for patch in &patches {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !apply(&copy, patch, "--verbose")? {
            say(&format!("{name}: does not apply"));
            continue;
        }
        let begun = Instant::now();
        let needed = seeds_needed(&root, &copy);
        apply(&copy, patch, "--reverse")?;
        match needed? {
            Some(seen) => {
                found += 1;
                say(&format!(
                    "{name}: found by seed {} after {} s: {}",
                    seen.seed,
                    begun.elapsed().as_secs(),
                    seen.what
                ));
            }
            None => say(&format!("{name}: NOT FOUND after {} s", begun.elapsed().as_secs())),
        }
    }
    say(&format!("{found} of {} planted bugs found", patches.len()));
    Ok(sound && found == patches.len())
}

fn patches(root: &Path, only: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut patches: Vec<PathBuf> =
        root.join("tests/planted").read_dir()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    patches.retain(|path| path.extension() == Some(OsStr::new("patch")));
    patches.retain(|path| only.is_empty() || only.iter().any(|only| path.file_stem() == Some(OsStr::new(only))));
    patches.sort();
    Ok(patches)
}

fn apply(root: &Path, patch: &Path, how: &str) -> io::Result<bool> {
    Ok(Command::new("git").current_dir(root).arg("apply").arg(how).arg(patch).output()?.status.success())
}

/// Makes the copy what git knows of the tree, as it is now; what is the same keeps its time, so that it is not built again.
fn refresh(root: &Path, copy: &Path) -> io::Result<()> {
    let listed = Command::new("git").current_dir(root).args(["ls-files", "-z"]).output()?;
    if !listed.status.success() {
        return Err(io::Error::other("git does not list the tree"));
    }
    for name in listed.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = String::from_utf8_lossy(name).into_owned();
        let (target, bytes) = (copy.join(&name), std::fs::read(root.join(&name))?);
        if std::fs::read(&target).is_ok_and(|there| there == bytes) {
            continue;
        }
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(target, bytes)?;
    }
    Ok(())
}

/// What the simulator said first.
struct Seen {
    seed: u64,
    what: String,
}

/// Builds the simulator of a tree and runs it; all trees share the artefacts of what lies outside of them.
fn seeds_needed(root: &Path, tree: &Path) -> io::Result<Option<Seen>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", root.join("target"))
        .env("CARGO_PROFILE_RELEASE_INCREMENTAL", "true");
    cargo.args([
        "run",
        "--release",
        "--quiet",
        "-p",
        "windlass-tests",
        "--bin",
        "sim",
        "--",
        "--seeds",
        SEEDS,
        "--minutes-at-most",
        MINUTES,
    ]);
    let output = cargo.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let seen = text.lines().filter_map(|line| {
        let (seed, what) = line.strip_prefix("VIOLATION seed ")?.split_once(": ")?;
        Some(Seen { seed: seed.parse().ok()?, what: what.to_owned() })
    });
    let first = seen.min_by_key(|seen| seen.seed);
    if first.is_none() && !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(first)
}

fn say(line: &str) {
    // Where nobody reads there is nothing to say.
    _ = writeln!(io::stdout().lock(), "{line}");
}
