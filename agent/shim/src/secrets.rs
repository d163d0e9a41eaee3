//! The secrets of an attempt: taken from standard input, shown to steps as variables or files, looked for in all they write.
//!
//! ```text
//! standard input: length u64 | { name length u16 | name | value length u32 | value } …      (little-endian; length: of all behind it)
//! ```

use std::ffi::CString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use windlass_core::model::{Secret, SecretName, Secrets, Step};
use zeroize::Zeroizing;

/// The most bytes that may follow the length: a hundred secrets of 512 KiB together, with their names.
const HANDED_MAX: usize = 1024 * 1024;

/// What `statfs` says of a tmpfs, whose files are memory.
const TMPFS: u64 = 0x0102_1994;

/// What the agent writes to the standard input of a shim.
pub fn handed(secrets: &Secrets) -> Zeroizing<Vec<u8>> {
    let size = |(name, secret): (&SecretName, &Secret)| 6 + name.as_str().len() + secret.expose().len();
    let len: usize = secrets.iter().map(size).sum();
    // As large as it will be: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(8 + len));
    bytes.extend_from_slice(&(len as u64).to_le_bytes());
    for (name, secret) in secrets.iter() {
        let (name, value) = (name.as_str().as_bytes(), secret.expose());
        bytes.extend_from_slice(&u16::try_from(name.len()).expect("a name has at most 63 bytes").to_le_bytes());
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&u32::try_from(value.len()).expect("a value has at most 64 KiB").to_le_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

/// Takes them over. None if they were cut short: then the agent died while it wrote, or it was no agent.
pub(crate) fn take(from: &mut impl Read) -> Option<Secrets> {
    let mut len = [0; 8];
    from.read_exact(&mut len).ok()?;
    let len = usize::try_from(u64::from_le_bytes(len)).ok().filter(|len| *len <= HANDED_MAX)?;
    let mut bytes = Zeroizing::new(vec![0; len]);
    from.read_exact(&mut bytes).ok()?;
    let (mut rest, mut secrets) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let (name_len, behind) = rest.split_first_chunk::<2>()?;
        let (name, behind) = behind.split_at_checked(u16::from_le_bytes(*name_len).into())?;
        let (value_len, behind) = behind.split_first_chunk::<4>()?;
        let (value, behind) = behind.split_at_checked(u32::from_le_bytes(*value_len) as usize)?;
        let name = SecretName::new(std::str::from_utf8(name).ok()?).ok()?;
        secrets.push((name, Secret::new(value.to_vec()).ok()?));
        rest = behind;
    }
    Some(Secrets::new(secrets))
}

/// The folder with the secrets that steps see as files. It goes with the shim; where that was killed, the agent removes it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    is_made: bool,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), is_made: false }
    }

    /// What a step sees, as `NAME=value` or `NAME=path`. The error is a fragment for people.
    pub(crate) fn variables(&mut self, secrets: &Secrets, step: &Step) -> Result<Vec<Zeroizing<CString>>, String> {
        let lost = |name: &SecretName| format!("secret {name} did not come with the attempt");
        let mut variables = Vec::new();
        for name in &step.secrets {
            let secret = secrets.get(name).ok_or_else(|| lost(name))?;
            variables.push(variable(name, secret.expose())?);
        }
        for name in &step.secret_files {
            let secret = secrets.get(name).ok_or_else(|| lost(name))?;
            let path = self.write(name, secret).map_err(|error| format!("the file of secret {name}: {error}"))?;
            variables.push(variable(name, path.as_os_str().as_encoded_bytes())?);
        }
        Ok(variables)
    }

    fn write(&mut self, name: &SecretName, secret: &Secret) -> io::Result<PathBuf> {
        self.make()?;
        let path = self.path.join(name.as_str());
        match OpenOptions::new().write(true).create_new(true).mode(0o400).open(&path) {
            // An earlier step saw it too.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => opened?.write_all(secret.expose())?,
        }
        Ok(path)
    }

    fn make(&mut self) -> io::Result<()> {
        if self.is_made {
            return Ok(());
        }
        DirBuilder::new().mode(0o700).create(&self.path)?;
        self.is_made = true;
        let found = rustix::fs::statfs(&self.path)?;
        match u64::try_from(found.f_type) {
            Ok(TMPFS) => Ok(()),
            Ok(_) | Err(_) => Err(io::Error::other(format!("{} is on no tmpfs", self.path.display()))),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_made {
            // Best effort: the agent looks for it when the attempt is concluded.
            _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn variable(name: &SecretName, value: &[u8]) -> Result<Zeroizing<CString>, String> {
    let mut pair = Vec::with_capacity(name.as_str().len() + value.len() + 2);
    pair.extend_from_slice(name.as_str().as_bytes());
    pair.push(b'=');
    pair.extend_from_slice(value);
    let pair = CString::new(pair).map_err(|error| {
        drop(Zeroizing::new(error.into_vec()));
        format!("secret {name} has a zero byte, which no variable can hold: declare it `as: file`")
    })?;
    Ok(Zeroizing::new(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(pairs: &[(&str, &[u8])]) -> Secrets {
        let made = pairs.iter().map(|(name, value)| {
            (SecretName::new(name).expect("a name"), Secret::new(value.to_vec()).expect("a value"))
        });
        Secrets::new(made.collect())
    }

    #[test]
    fn what_is_handed_over_is_taken_and_a_cut_is_seen() {
        let large = vec![b'x'; 65_536];
        let sets: [&[(&str, &[u8])]; 3] = [&[], &[("KEY", b"hunter22")], &[("A", b"\0\n\xffabc"), ("B2", &large)]];
        for pairs in sets {
            let secrets = secrets(pairs);
            let bytes = handed(&secrets);
            assert_eq!(take(&mut &bytes[..]), Some(secrets));
            assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(take(&mut &[][..]), None);
        assert_eq!(take(&mut &u64::MAX.to_le_bytes()[..]), None, "no memory is taken for what cannot be");
    }
}
