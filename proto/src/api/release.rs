//! Releases.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// An artifact with the definition of its service and settings; immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// `r18`, numbered per service.
    pub id: String,
    /// Of this service.
    pub service: String,
    /// `r18-4f2a91c0`: on disk and in answers of the service.
    pub name: String,
    /// `blake3:` and 64 hex digits, of artifact, service definition and settings.
    pub digest: String,
    /// `blake3:` and 64 hex digits, of the artifact.
    pub artifact: String,
    /// Bytes of the artifact.
    pub artifact_bytes: u64,
    /// Not secret.
    pub settings: BTreeMap<String, String>,
    /// The commit it was made from.
    pub revision: String,
    /// First line of the commit's message.
    pub title: String,
    /// Branch of the run that made it.
    pub branch: String,
    /// The run that made it.
    pub run: String,
    /// When.
    pub created: Time,
}
