//! Who this host is, by its certificate.

use std::path::Path;

use rustls::pki_types::UnixTime;
use windlass_core::model::AgentId;
use windlass_proto::tls;

use crate::attempts::StateDir;
use crate::config::files;
use crate::exit::{CONFIG, Failure};

/// What the certificate says.
pub(crate) struct Identity {
    pub(crate) cluster: String,
    pub(crate) agent: AgentId,
}

/// Reads and checks the identity that `join` left.
pub(crate) fn identity(dir: &StateDir) -> Result<Identity, Failure> {
    let not_enrolled = |error: &dyn std::fmt::Display| {
        Failure::new(CONFIG, format!("this host has no usable identity in {}: {error}", dir.identity().display()))
            .hint("`windlass-agent join URL --token-file F` enrols it")
    };
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| not_enrolled(&format_args!("{}: {error}", path.display())));
    let (ca, cert, key) = (read(&dir.ca())?, read(&dir.cert())?, read(&dir.key())?);
    files::nobody_else_reads(&dir.key())?;
    let chain = tls::certificates("certificate", &cert).map_err(|error| not_enrolled(&error))?;
    let cluster = tls::cluster_of_agent(&chain[0]).map_err(|error| not_enrolled(&error))?;
    let agent = tls::check_agent_identity(&ca, &cert, &key, &cluster, UnixTime::now());
    let agent = agent.map_err(|error| not_enrolled(&error))?;
    Ok(Identity { cluster, agent })
}
