//! The configuration that the master works with.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use windlass_core::model::{self, Duration, ProjectName};

/// All of it.
#[derive(Debug, Clone)]
pub struct Config {
    /// What people reach the master at, without a slash at the end; none: the address that HTTP listens on.
    pub public_url: Option<String>,
    /// What the screen calls this master.
    pub name: String,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Where people and tools are listened to; always loopback in this version.
    pub http_listen: SocketAddr,
    /// Where agents are listened to.
    pub agents_listen: SocketAddr,
    /// How much room some files take from the start.
    pub sizes: Sizes,
    /// Where old logs go; none: they stay.
    pub old_logs: Option<OldLogs>,
    /// The key that seals secrets; never in the data directory.
    pub secret_key: PathBuf,
    /// What decisions rest on; goes into the state as an input.
    pub model: model::Config,
    /// What the shell does for each project.
    pub watched: BTreeMap<ProjectName, Watched>,
}

/// What becomes of old logs until they expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldLogs {
    /// They move to this directory,
    pub dir: PathBuf,
    /// when their runs were created so long ago.
    pub after: Duration,
}

/// How much room some files take from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Of a new segment of the journal.
    pub segment_bytes: u64,
    /// Of the file that is given up for the journal when the volume is full.
    pub ballast_bytes: u64,
}

/// What the shell does for a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// The repository is a folder of this host, so that git may use its `file` protocol for it.
    pub local: bool,
    /// Between two looks at the repository; none: it is not polled.
    pub poll: Option<Duration>,
    /// Signs the deliveries of `/hooks/{project}`; none: there is no hook.
    pub hook: Option<HookKey>,
}

/// The key of a hook. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct HookKey(Arc<[u8]>);

impl HookKey {
    /// Fewest bytes of a key.
    pub const MIN_BYTES: usize = 16;

    /// Reads the text of a key file: `whsec_` and base64, as Standard Webhooks writes keys, or any other text, whose bytes are the
    /// key. White space around it does not count. None if it is too short or its base64 is broken.
    pub fn from_text(text: &str) -> Option<Self> {
        use base64::Engine;
        let text = text.trim();
        let key = match text.strip_prefix("whsec_") {
            Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).ok()?,
            None => text.as_bytes().to_vec(),
        };
        (key.len() >= Self::MIN_BYTES).then(|| Self(Arc::from(key)))
    }

    /// The bytes, for the one place that compares signatures.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for HookKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookKey(…)")
    }
}
