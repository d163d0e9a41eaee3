//! `windlass-master secrets rekey`: a new key, and every value sealed with it. For a stopped master; cut at any moment, it goes on when it
//! is called again.

use std::path::Path;

use windlass_core::model::Digest;
use windlass_disk::RealDisk;

use super::key::{self, Change};
use super::seal::{Error, Vault, dir_in};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit::Failure;

/// Changes the key. Fails, and leaves the key before beside the new one, if a value cannot be opened with either.
pub fn rekey(config: &Config) -> Result<(), Failure> {
    let data = DataDir::at(&config.data_dir);
    let identity = data.identity()?;
    let _lock = data.lock()?;
    let path = &config.secret_key;
    let sealed = seal_all(data.path(), identity.cluster_id(), key::change(path)?)?;
    key::finish(path)?;
    crate::say(&format!(
        "{sealed} values are sealed with the new key in {}: keep a copy of it elsewhere, and make a new backup; those from before need the key from before",
        path.display()
    ))
}

/// Seals what is sealed with the key before, and counts what is sealed with the one after it then.
pub(super) fn seal_all(data_dir: &Path, cluster: &str, Change { before, after }: Change) -> Result<usize, Failure> {
    let vault =
        |key| Vault { disk: Box::new(RealDisk), dir: dir_in(data_dir), cluster: cluster.to_owned(), key: Some(key) };
    let (before, after) = (vault(before), vault(after));
    let mut sealed = 0;
    for (_, grant) in after.files().map_err(Failure::Secrets)? {
        // What stands for nothing is swept away by the next start.
        let Some(grant) = grant else { continue };
        match after.open(&grant) {
            Ok(_) => {}
            Err(Error::NotOurs(_)) => {
                let value = before.open(&grant).map_err(Failure::Secrets)?;
                let _digest: Digest = after.seal(&grant, &value).map_err(Failure::Secrets)?;
            }
            Err(error) => return Err(Failure::Secrets(error)),
        }
        sealed += 1;
    }
    Ok(sealed)
}
