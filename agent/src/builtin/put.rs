//! The step `put`: files of the workspace become artifacts.

use std::path::{Path, PathBuf};

use windlass_core::model::{Collect, CollectFrom};

use super::archive;
use super::ask::ask_put;
use super::context::{Context, Failure};
use super::paths::{inside, plain_name};
use crate::release::clock;

/// Stores each artifact with the master; the step ends well when the master has all of them on disk.
pub fn run(artifacts: &[Collect], context: &Context) -> Result<(), Failure> {
    for artifact in artifacts {
        plain_name(&artifact.name)?;
        match &artifact.from {
            CollectFrom::File(path) => file(artifact, path, context)?,
            CollectFrom::Tar(globs) => tar(artifact, globs, context)?,
        }
    }
    Ok(())
}

fn file(artifact: &Collect, path: &str, context: &Context) -> Result<(), Failure> {
    let path = inside(&context.workspace, path)?;
    let is_file = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
    if is_file { store(&artifact.name, &path, context) } else { absent(artifact, &path.display().to_string(), context) }
}

fn tar(artifact: &Collect, globs: &[String], context: &Context) -> Result<(), Failure> {
    let files = archive::matching(&context.workspace, globs)?;
    if files.is_empty() {
        return absent(artifact, &globs.join(", "), context);
    }
    let path = scratch(&artifact.name)?;
    archive::write(&context.workspace, &files, &path)?;
    context.log.line(format_args!("{} of {} files", artifact.name, files.len()));
    let stored = store(&artifact.name, &path, context);
    if let Err(error) = std::fs::remove_file(&path) {
        context.log.line(format_args!("{}: {error}", path.display()));
    }
    stored
}

/// In the folder that is removed after the job.
fn scratch(name: &str) -> Result<PathBuf, Failure> {
    let tmp = std::env::var_os("WINDLASS_TMP").ok_or_else(|| Failure::Failed("WINDLASS_TMP is not set".to_owned()))?;
    Ok(PathBuf::from(tmp).join(name))
}

fn absent(artifact: &Collect, wanted: &str, context: &Context) -> Result<(), Failure> {
    if artifact.optional {
        context.log.line(format_args!("{}: nothing matches {wanted}, which is fine", artifact.name));
        Ok(())
    } else {
        Err(Failure::Failed(format!("{}: nothing matches {wanted}", artifact.name)))
    }
}

fn store(name: &str, path: &Path, context: &Context) -> Result<(), Failure> {
    let began = clock::boottime();
    let (digest, size) = ask_put(context, name, path)?;
    context.log.took(&format!("{name} {} {size} bytes", digest.short()), began);
    Ok(())
}
