//! What a step wrote to `$WINDLASS_OUTPUT`: strict `NAME=value` lines.
//!
//! The file belongs to the step, so it is hostile input: nothing but a plain file is opened, and nothing is interpreted.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use windlass_core::mask::Needles;

/// The most bytes the outputs of one step may have.
pub(crate) const OUTPUT_MAX: u64 = 256 * 1024;

const NAME_MAX: usize = 63;

/// Reads the outputs of a step, in which no secret may stand. The error is a fragment for people; it never quotes a value.
pub(crate) fn read(path: &Path, needles: &Needles) -> Result<BTreeMap<String, String>, String> {
    let bytes = read_plain(path).map_err(|error| format!("outputs cannot be read: {error}"))?;
    if let Some(name) = needles.found_in(&bytes) {
        return Err(format!("outputs hold secret {name}"));
    }
    if bytes.len() as u64 > OUTPUT_MAX {
        return Err(format!("outputs have more than {OUTPUT_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "outputs are not UTF-8".to_owned())?;
    parse(&text)
}

fn read_plain(path: &Path) -> io::Result<Vec<u8>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let file: File = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no longer a plain file"));
    }
    let mut bytes = Vec::new();
    file.take(OUTPUT_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut outputs = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        let (name, value) = pair(line).map_err(|why| format!("line {number} of the outputs: {why}"))?;
        if outputs.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(format!("line {number} of the outputs: {name} is written twice"));
        }
    }
    Ok(outputs)
}

fn pair(line: &str) -> Result<(&str, &str), String> {
    let (name, value) = line.split_once('=').ok_or("it is not NAME=value")?;
    let begins = name.starts_with(|first: char| first.is_ascii_uppercase());
    let plain = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !begins || !plain || name.len() > NAME_MAX {
        return Err("a name is 1 to 63 of A-Z, 0-9 and `_`, and begins with a letter".to_owned());
    }
    if name.starts_with("WINDLASS_") {
        return Err(format!("{name} is reserved"));
    }
    if value.chars().any(|each| each.is_control() && each != '\t') {
        return Err(format!("the value of {name} has a control character"));
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_pairs_and_values_keep_every_byte() {
        let found = parse("A=1\nB_2= x = y \nEMPTY=\nLAST=ä").expect("well formed");
        let pairs: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("B_2", " x = y "), ("EMPTY", ""), ("LAST", "ä")]);
        assert_eq!(parse(""), Ok(BTreeMap::new()));
    }

    #[test]
    fn what_is_not_strict_is_refused_with_its_line() {
        for bad in
            ["A", "=1", "a=1", "1A=1", "A B=1", " A=1", "A=1\n\nB=2", "A=1\nA=2", "WINDLASS_RUN=x", "A=\u{1b}[0m"]
        {
            let error = parse(bad).expect_err(bad);
            assert!(error.starts_with("line "), "{bad:?}: {error}");
        }
        assert!(parse(&format!("{}=1", "A".repeat(64))).is_err());
    }

    #[test]
    fn only_a_plain_file_of_limited_size_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("output-01");
        assert!(read(&path, &Needles::of([])).is_err(), "it is gone");
        std::fs::write(&path, vec![b'A'; 256 * 1024 + 1]).expect("written");
        assert_eq!(read(&path, &Needles::of([])), Err("outputs have more than 262144 bytes".to_owned()));
        std::fs::write(&path, b"A=\xff").expect("written");
        assert_eq!(read(&path, &Needles::of([])), Err("outputs are not UTF-8".to_owned()));
        let link = dir.path().join("output-02");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        assert!(read(&link, &Needles::of([])).is_err(), "a link is not followed");
        assert!(read(dir.path(), &Needles::of([])).is_err(), "a directory is no file");
    }
}
