//! A new master: identity, data directory, configuration to fill in, and the first API token.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_core::input::ApiToken;
use windlass_core::model::Duration;
use windlass_core::world;
use windlass_core::{Input, State};
use windlass_disk::RealDisk;

use crate::args::Place;
use crate::backup::Mark;
use crate::clock::{Clock, wall};
use crate::config::{Config, Scalars};
use crate::data_dir::DataDir;
use crate::engine::record;
use crate::exit::Failure;
use crate::facts::{Committer, Facts, Files};
use crate::identity::{Identity, new_api_token};
use crate::secrets::make_key;

/// Life of the first token.
const FIRST_TOKEN: Duration = Duration::from_secs(90 * 24 * 3600);

/// Life of a token made at the console.
const CONSOLE_TOKEN: Duration = Duration::from_secs(3600);

/// Bytes of a segment of the journal.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// What an operator fills in.
const MASTER_TOML: &str = include_str!("../../deploy/examples/master.toml");

/// `windlass-master init`.
pub fn init(place: Place, token_file: Option<PathBuf>) -> Result<(), Failure> {
    let written = place.config.as_deref().filter(|path| !path.exists());
    let file = if written.is_some() { None } else { place.config.clone() };
    let flags = Scalars { data_dir: place.data_dir, ..Scalars::default() };
    let mut config =
        crate::config::load(crate::config::Source { file, flags, environment: std::env::vars().collect() })?;
    if let Some(path) = written.and_then(|path| std::path::absolute(path).ok()) {
        // The file is written below; the key belongs beside it.
        config.secret_key = path.with_file_name("secret.key");
    }
    let data = DataDir::at(&config.data_dir);
    data.create()?;
    let _lock = data.lock()?;
    if Identity::exists(&data.identity_dir()) {
        return Err(Failure::MasterExists(config.data_dir));
    }
    let identity = Identity::create(&data.identity_dir(), wall())?;
    let made_key = make_key(&config.secret_key)?;
    let token = add_token(&data, &identity, config.sizes.segment_bytes, "admin", FIRST_TOKEN)?;
    if let Some(path) = written {
        let text = format!("data_dir = {:?}\n{MASTER_TOML}", config.data_dir.display().to_string());
        write_new(path, text.as_bytes(), 0o644)?;
        crate::say(&format!("written {}: list your projects and environments there", path.display()))?;
    }
    if made_key {
        let path = config.secret_key.display();
        crate::say(&format!("the key that seals secrets is {path}: keep a copy elsewhere, no backup holds it"))?;
    }
    match token_file {
        Some(path) => {
            write_new(&path, format!("{token}\n").as_bytes(), 0o600)?;
            crate::say(&format!("the first API token is in {}", path.display()))
        }
        None => crate::say(&format!("the first API token, shown once, good for 90 days:\n{token}")),
    }
}

/// `windlass-master admin-token`.
pub fn admin_token(config: &Config) -> Result<(), Failure> {
    let data = DataDir::at(&config.data_dir);
    let identity = data.identity()?;
    let _lock = data.lock()?;
    crate::say(&add_token(&data, &identity, config.sizes.segment_bytes, "console", CONSOLE_TOKEN)?)
}

/// Makes a token a fact while no master runs.
fn add_token(
    data: &DataDir,
    identity: &Identity,
    segment_bytes: u64,
    subject: &str,
    life: Duration,
) -> Result<String, Failure> {
    let mut state = State::default();
    let facts = open_facts(&Files { segment_bytes, ..files(data, identity) }, &mut state)?;
    let epoch = next_epoch(&facts);
    let restored = is_restored(data, &facts)?;
    let clock = Clock::start(state.now);
    let (text, token): (String, ApiToken) = new_api_token(subject, wall().after(life))?;
    let turn = world::turn(&mut state, clock.now(), [Input::Begin { epoch, restored }, Input::MakeToken(token)]);
    let committer = facts.into_committer().map_err(Failure::Start)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Failure::Start)?;
    runtime.block_on(commit(&committer, epoch, record(clock.now(), turn.facts)))?;
    committer.close();
    Mark::remove(data.path())?;
    Ok(text)
}

async fn commit(committer: &Committer, epoch: u64, facts: Vec<windlass_core::Recorded>) -> Result<(), Failure> {
    committer.commit(epoch, facts).await.map_err(Failure::Commit)?;
    committer.quiet(epoch).await.map_err(Failure::Commit)
}

/// Opens the journal and folds into `state` what there is to believe.
pub fn open_facts(files: &Files, state: &mut State) -> Result<Facts, Failure> {
    let (facts, believed) = Facts::start(files).map_err(Failure::Facts)?;
    *state = believed;
    Ok(facts)
}

/// Where the facts of this master are.
pub fn files(data: &DataDir, identity: &Identity) -> Files {
    let (disk, journal, checkpoints) = (Arc::new(RealDisk), data.journal(), data.checkpoints());
    Files { disk, journal, checkpoints, cluster_id: cluster_bytes(identity), segment_bytes: SEGMENT_BYTES }
}

/// Whether the directory is a restored backup, or a copy that was cut, which no start has seen yet.
pub fn is_restored(data: &DataDir, facts: &Facts) -> Result<bool, Failure> {
    let mark = Mark::find(data.path(), facts.last_lsn())?;
    if let Some(Mark { from, .. }) = &mark {
        tracing::warn!(from, "the data directory was restored: every project is held until a person starts it");
    }
    Ok(mark.is_some())
}

/// The cluster id as the journal and the history carry it.
pub fn cluster_bytes(identity: &Identity) -> [u8; 16] {
    *uuid::Uuid::parse_str(identity.cluster_id()).expect("the identity made it a UUID").as_bytes()
}

/// Above every earlier epoch, and above that of a master which this one was restored to replace.
pub fn next_epoch(facts: &Facts) -> u64 {
    (facts.last_epoch() + 1).max(wall().0 / 1_000)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let failed = |source| Failure::File { what: "write", path: path.to_owned(), source };
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    opened.and_then(|mut file| file.write_all(bytes)).map_err(failed)
}
