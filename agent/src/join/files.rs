//! What a join leaves on disk: the identity, and a first `agent.toml`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use windlass_disk::{RealDisk, safe_write};

use super::answer::Enrolled;
use super::request::new_key;
use crate::attempts::StateDir;
use crate::exit::{DISK, Failure};

/// The key of this host: the one that is there, else a new one, durable before it is used.
pub(super) fn key(dir: &StateDir) -> Result<String, Failure> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir.identity());
    made.map_err(|error| failed(&dir.identity(), &error))?;
    safe_write::create_dir_all_synced(&RealDisk, &dir.identity()).map_err(|error| failed(&dir.identity(), &error))?;
    let path = dir.key();
    match std::fs::read_to_string(&path) {
        Ok(pem) => {
            crate::config::files::nobody_else_reads(&path)?;
            Ok(pem)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let pem = new_key().map_err(|error| failed(&path, &error))?;
            write_key(&path, &pem)?;
            Ok(pem)
        }
        Err(error) => Err(failed(&path, &error)),
    }
}

/// Nobody else can read it at any moment, and a cut leaves it whole or not there.
fn write_key(path: &Path, pem: &str) -> Result<(), Failure> {
    let near = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&near)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&near, path)?;
        std::fs::File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    };
    write().map_err(|error| failed(path, &error))
}

/// Certificate and CA.
pub(super) fn write_identity(dir: &StateDir, enrolled: &Enrolled) -> Result<(), Failure> {
    for (path, text) in [(dir.ca(), &enrolled.ca), (dir.cert(), &enrolled.chain)] {
        safe_write::write(&RealDisk, &path, text.as_bytes()).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// Writes a first configuration; false if there is one, which is left alone.
pub(super) fn write_config(path: &Path, enrolled: &Enrolled) -> Result<bool, Failure> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    match made {
        Ok(mut file) => {
            let written = file.write_all(suggested(enrolled).as_bytes()).and_then(|()| file.sync_all());
            written.map_err(|error| failed(path, &error))?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(path, &error)),
    }
}

/// What the token fixes is suggested as policy; what it does not say stays out, because a host agrees to nothing by itself.
pub(super) fn suggested(enrolled: &Enrolled) -> String {
    let list =
        |names: &[String]| format!("[{}]", names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", "));
    let environments: Vec<String> = enrolled.environments.iter().map(ToString::to_string).collect();
    let mut projects: Vec<String> = enrolled.projects.iter().map(ToString::to_string).collect();
    if projects.is_empty() && environments.is_empty() {
        projects.push("*".to_owned());
    }
    let todo = if projects.is_empty() { "name them: \"*\" goes only without environments" } else { "exact names" };
    format!(
        "# What this host agrees to. Written by `windlass-agent join`, then yours; nothing that the master sends changes it.\n\
         master = {:?}\n\
         name   = {:?}\n\
         slots  = 1                 # jobs at once; a change of a service is taken beside them\n\
         # labels = {{ role = \"build\" }}   # os, arch and agent are added\n\
         \n\
         [policy]                   # without it this host takes no work\n\
         projects      = {}    # {todo}\n\
         environments  = {}    # takes changes of services of these, and no other jobs; []: jobs of pipelines\n\
         jobs          = {}      # true: both\n\
         services      = []         # services that may be changed here, as [\"shop\"]\n\
         release_roots = []         # folders they live in, as [\"/srv/shop\"]\n\
         steps         = \"any\"      # or \"none\": built-in steps alone\n",
        enrolled.master,
        enrolled.name.as_str(),
        list(&projects),
        list(&environments),
        enrolled.jobs,
    )
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(DISK, format!("{}: {error}", path.display()))
}
