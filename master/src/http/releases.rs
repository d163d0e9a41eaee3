//! Releases.

use windlass_core::model::ServiceName;
use windlass_proto::api::Page;

use super::answer::{Answer, ok};
use super::call::Call;
use super::shape;

/// `GET /releases`: newest first, as many as a page holds.
pub(super) async fn list(call: Call) -> Answer {
    let service: Option<ServiceName> = call.value("service", "a service")?;
    let limit = call.limit()?;
    let state = call.api.published.state();
    let wanted = |release: &&std::sync::Arc<windlass_core::model::Release>| {
        service.as_ref().is_none_or(|service| *service == release.id.service)
    };
    let mut releases: Vec<_> = state.releases.values().filter(wanted).collect();
    releases.sort_by_key(|release| std::cmp::Reverse((release.created, release.id.number)));
    ok(&Page { items: releases.into_iter().take(limit).map(|release| shape::release(release)).collect(), next: None })
}
