//! Files of a workspace as a tar that depends on their names and bytes alone: sorted, without times, owners and umask.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::context::Failure;

/// How hard `.tar.zst` is compressed; the same level makes the same bytes.
const ZSTD_LEVEL: i32 = 3;

/// The regular files that match, as paths inside the workspace, sorted. `.git` is not looked into.
pub(super) fn matching(workspace: &Path, globs: &[String]) -> Result<BTreeSet<PathBuf>, Failure> {
    let set = glob_set(globs)?;
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let at = workspace.join(&folder);
        let entries = fs::read_dir(&at).map_err(|error| trouble(&at, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| trouble(&at, &error))?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(|error| trouble(&at, &error))?;
            if kind.is_dir() && path != Path::new(".git") {
                folders.push(path);
            } else if kind.is_file() && set.is_match(&path) {
                found.insert(path);
            } else if kind.is_symlink() && set.is_match(&path) {
                let text = format!("{} is a symbolic link: artifacts hold regular files only", path.display());
                return Err(Failure::Failed(text));
            }
        }
    }
    Ok(found)
}

/// Writes the archive, compressed as its name says.
pub(super) fn write(workspace: &Path, files: &BTreeSet<PathBuf>, to: &Path) -> Result<(), Failure> {
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let on_disk = |error: io::Error| trouble(to, &error);
    let file = BufWriter::new(File::create(to).map_err(on_disk)?);
    if name.ends_with(".tar.zst") {
        let compressed = zstd::Encoder::new(file, ZSTD_LEVEL).map_err(on_disk)?;
        let compressed = fill(compressed, workspace, files)?;
        compressed.finish().and_then(|mut file| file.flush()).map_err(on_disk)
    } else if name.ends_with(".tar") {
        fill(file, workspace, files)?.flush().map_err(on_disk)
    } else {
        Err(Failure::Failed(format!("{name} is made of several files: its name ends with .tar or .tar.zst")))
    }
}

fn fill<W: Write>(to: W, workspace: &Path, files: &BTreeSet<PathBuf>) -> Result<W, Failure> {
    let mut archive = tar::Builder::new(to);
    for path in files {
        let source = workspace.join(path);
        append(&mut archive, path, &source).map_err(|error| trouble(&source, &error))?;
    }
    archive.into_inner().map_err(|error| trouble(workspace, &error))
}

fn append<W: Write>(archive: &mut tar::Builder<W>, path: &Path, source: &Path) -> io::Result<()> {
    let file = File::open(source)?;
    let found = file.metadata()?;
    let is_executable = found.permissions().mode() & 0o100 != 0;
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(if is_executable { 0o755 } else { 0o644 });
    header.set_size(found.len());
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    archive.append_data(&mut header, path, file)
}

/// `*` stays within a folder, `**` does not.
fn glob_set(globs: &[String]) -> Result<GlobSet, Failure> {
    let mut set = GlobSetBuilder::new();
    for text in globs {
        let wrong = |error: globset::Error| Failure::Failed(format!("{text:?} is not a glob: {error}"));
        set.add(GlobBuilder::new(text).literal_separator(true).build().map_err(wrong)?);
    }
    set.build().map_err(|error| Failure::Failed(format!("the globs cannot be used: {error}")))
}

fn trouble(path: &Path, error: &io::Error) -> Failure {
    Failure::MayPass(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for path in ["dist/shop", "dist/deep/a.txt", "notes.txt", ".git/config"] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(&path, path.file_name().expect("a name").as_encoded_bytes()).expect("written");
        }
        fs::set_permissions(dir.path().join("dist/shop"), fs::Permissions::from_mode(0o700)).expect("executable");
        dir
    }

    fn names(found: &BTreeSet<PathBuf>) -> Vec<&str> {
        found.iter().filter_map(|path| path.to_str()).collect()
    }

    #[test]
    fn globs_match_regular_files_and_not_the_repository_itself() {
        let dir = workspace();
        let found = |globs: &[&str]| {
            let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            matching(dir.path(), &globs)
        };
        assert_eq!(names(&found(&["dist/*"]).expect("found")), ["dist/shop"]);
        assert_eq!(names(&found(&["dist/**", "*.txt"]).expect("found")), ["dist/deep/a.txt", "dist/shop", "notes.txt"]);
        assert_eq!(names(&found(&["**"]).expect("found")).len(), 3);
        assert!(found(&["none/*"]).expect("found").is_empty());
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("dist/link")).expect("linked");
        found(&["dist/*"]).expect_err("a link");
    }

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let make = |name: &str| {
            let dir = workspace();
            let out = tempfile::tempdir().expect("a temporary directory");
            let files = matching(dir.path(), &["dist/**".to_owned()]).expect("found");
            let to = out.path().join(name);
            write(dir.path(), &files, &to).expect("written");
            fs::read(to).expect("read")
        };
        for name in ["shop.tar", "shop.tar.zst"] {
            assert_eq!(make(name), make(name), "{name}");
        }
        let bytes = make("shop.tar");
        let mut archive = tar::Archive::new(&bytes[..]);
        let entries = archive.entries().expect("a tar").map(|entry| {
            let entry = entry.expect("whole");
            let path = entry.path().expect("a path").into_owned();
            (path, entry.header().mode().expect("a mode"), entry.header().mtime().expect("a time"))
        });
        let expected = [(PathBuf::from("dist/deep/a.txt"), 0o644, 0), (PathBuf::from("dist/shop"), 0o755, 0)];
        assert_eq!(entries.collect::<Vec<_>>(), expected);
        let elsewhere = tempfile::tempdir().expect("a temporary folder");
        write(Path::new("/"), &BTreeSet::new(), &elsewhere.path().join("shop.zip")).expect_err("no tar");
    }
}
