//! Where a service lives on this host: as the pipeline says, unless `agent.toml` says otherwise for this host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use windlass_core::model::{ServiceName, ServiceSpec};

use super::error::{Error, Result};

/// `[services.NAME]` of `agent.toml`: needed where several targets share a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct LocalService {
    /// Absolute folder that replaces the service's root.
    pub root: Option<PathBuf>,
    /// `host:port` that replaces a loopback address in gates and identity.
    pub http: Option<String>,
}

/// All of `[services]`.
pub type LocalServices = BTreeMap<ServiceName, LocalService>;

/// Where one service lives here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Holds `current`, `releases/`, `shared/` and `.windlass/`.
    pub root: PathBuf,
    /// `host:port` to ask instead of a loopback address.
    pub http: Option<String>,
}

impl Place {
    /// The place of a service, with what this host says about it.
    pub fn of(service: &ServiceName, spec: &ServiceSpec, local: &LocalServices) -> Result<Self> {
        let here = local.get(service).cloned().unwrap_or_default();
        let root = here.root.unwrap_or_else(|| PathBuf::from(&spec.root));
        let plain = root.is_absolute() && root != Path::new("/") && root.components().all(is_plain);
        if plain {
            Ok(Self { root, http: here.http })
        } else {
            Err(Error::Unsupported(format!("root {root:?} of service {service}: it is an absolute path without `..`")))
        }
    }

    /// The host and port to connect to for those of the pipeline.
    pub fn endpoint(&self, endpoint: &str) -> String {
        match &self.http {
            Some(local) if is_loopback(endpoint) => local.clone(),
            Some(_) | None => endpoint.to_owned(),
        }
    }

    /// The address to ask for a URL of the pipeline.
    pub fn url(&self, url: &str) -> String {
        match (&self.http, split_authority(url)) {
            (Some(local), Some((scheme, authority, rest))) if is_loopback(authority) => {
                format!("{scheme}{local}{rest}")
            }
            (Some(_) | None, Some(_) | None) => url.to_owned(),
        }
    }
}

fn is_plain(part: std::path::Component<'_>) -> bool {
    matches!(part, std::path::Component::RootDir | std::path::Component::Normal(_))
}

fn split_authority(url: &str) -> Option<(&str, &str, &str)> {
    let begin = url.find("://")? + 3;
    let end = url[begin..].find(['/', '?', '#']).map_or(url.len(), |at| begin + at);
    Some((&url[..begin], &url[begin..end], &url[end..]))
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        Some(_) | None => authority,
    };
    host == "localhost" || host == "[::1]" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_address_is_replaced() {
        let place = Place { root: PathBuf::from("/srv/shop"), http: Some("127.0.0.1:40173".to_owned()) };
        let rows = [
            ("http://127.0.0.1:8080/healthz", "http://127.0.0.1:40173/healthz"),
            ("http://localhost/", "http://127.0.0.1:40173/"),
            ("http://[::1]:80?x=1", "http://127.0.0.1:40173?x=1"),
            ("http://127.0.0.1", "http://127.0.0.1:40173"),
            ("http://lb.internal:80/127.0.0.1:8080", "http://lb.internal:80/127.0.0.1:8080"),
        ];
        for (given, asked) in rows {
            assert_eq!(place.url(given), asked);
        }
        assert_eq!(place.endpoint("localhost:5432"), "127.0.0.1:40173");
        assert_eq!(place.endpoint("db.internal:5432"), "db.internal:5432");
        let as_written = Place { http: None, ..place };
        assert_eq!(as_written.url("http://127.0.0.1:8080/"), "http://127.0.0.1:8080/");
    }
}
