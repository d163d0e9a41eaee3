//! Releases.

use windlass_core::model::Release;
use windlass_proto::api;

use super::{digest, release_word};

/// A release.
pub(in crate::http) fn release(release: &Release) -> api::Release {
    api::Release {
        id: release_word(&release.id),
        service: release.id.service.to_string(),
        name: release.name(),
        digest: digest(&release.digest),
        artifact: digest(&release.artifact),
        artifact_bytes: release.artifact_bytes,
        settings: release.spec.settings.clone(),
        revision: release.revision.to_string(),
        title: release.title.clone(),
        branch: release.branch.clone(),
        run: release.run.in_path(),
        created: release.created.into(),
    }
}
