//! The step `fetch`: artifacts of earlier jobs, by digest, into the workspace.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use windlass_core::model::{Digest, FetchFile};

use super::ask::ask_fetch;
use super::context::{Context, Failure};
use super::paths::{inside, plain_name};
use crate::release::clock;

/// Brings each file to its place, compared with its digest there.
pub fn run(files: &[FetchFile], context: &Context) -> Result<(), Failure> {
    for file in files {
        let folder = inside(&context.workspace, &file.to)?;
        let to = folder.join(plain_name(&file.name)?);
        let began = clock::boottime();
        let from = ask_fetch(context, file.digest)?;
        fs::create_dir_all(&folder).map_err(|error| trouble(&folder, &error))?;
        let digest = bring(&from, &to).map_err(|error| trouble(&to, &error))?;
        if digest != file.digest {
            return Err(Failure::MayPass(format!("{} is not what its digest says", file.name)));
        }
        context.log.took(&format!("{} {}", file.name, digest.short()), began);
    }
    Ok(())
}

/// Moves the fetched file by way of a neighbour, so that the place never has a part of it; says what was written.
fn bring(from: &Path, to: &Path) -> io::Result<Digest> {
    let near = to.with_file_name(format!(".{}.windlass", to.file_name().unwrap_or_default().to_string_lossy()));
    let mut source = File::open(from)?;
    let mut target = File::create(&near)?;
    io::copy(&mut source, &mut target)?;
    drop(target);
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut File::open(&near)?, &mut hasher)?;
    fs::rename(&near, to)?;
    fs::remove_file(from)?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

fn trouble(path: &Path, error: &io::Error) -> Failure {
    Failure::MayPass(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_brought_whole_and_leaves_the_agents_folder() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (from, to) = (dir.path().join("blob"), dir.path().join("shop.tar"));
        fs::write(&from, b"bytes").expect("written");
        assert_eq!(bring(&from, &to).expect("brought"), Digest::of(b"bytes"));
        assert_eq!(fs::read(&to).expect("there"), b"bytes");
        let names: Vec<_> =
            fs::read_dir(dir.path()).expect("listed").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(names, ["shop.tar"]);
    }
}
