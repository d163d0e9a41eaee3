//! What bad disks and bad hands do to files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use fastrand::Rng;

/// Copies a directory with all below it.
pub fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The files below a directory, sorted.
pub(super) fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { out.extend(files_below(&entry.path())?) } else { out.push(entry.path()) }
    }
    out.sort();
    Ok(out)
}

/// Flips, cuts, zeroes, swaps or deletes one of these files; says what it did.
pub(super) fn harm(rng: &mut Rng, files: &[PathBuf]) -> Result<String> {
    let victim = &files[rng.usize(..files.len())];
    let mut bytes = fs::read(victim)?;
    // Most of a segment may be zeros that nobody wrote: what counts is before.
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last + 1).min(bytes.len().max(1));
    let at = rng.usize(..written);
    let did = match rng.u8(0..6) {
        0 | 1 if !bytes.is_empty() => {
            bytes[at] ^= 1 << rng.u8(0..8);
            fs::write(victim, &bytes)?;
            format!("flipped a bit of byte {at}")
        }
        2 => {
            bytes.truncate(at);
            fs::write(victim, &bytes)?;
            format!("cut at byte {at}")
        }
        3 if !bytes.is_empty() => {
            let end = (at + rng.usize(1..5_000)).min(bytes.len());
            bytes[at..end].fill(0);
            fs::write(victim, &bytes)?;
            format!("zeroed bytes {at} to {end}")
        }
        4 => {
            let other = &files[rng.usize(..files.len())];
            let theirs = fs::read(other)?;
            fs::write(other, &bytes)?;
            fs::write(victim, theirs)?;
            format!("swapped with {}", other.display())
        }
        _ => {
            fs::remove_file(victim)?;
            "deleted".to_owned()
        }
    };
    Ok(format!("{}: {did}", victim.display()))
}
