//! Bounds of the API, checked before memory is taken.

use std::time::Duration;

/// Body of most requests.
pub(super) const BODY_BYTES: usize = 64 * 1024;
/// Body of a delivery.
pub(super) const HOOK_BYTES: usize = 1024 * 1024;
/// Body of a pipeline file to be checked: the file escaped as JSON.
pub(super) const LINT_BYTES: usize = 512 * 1024;
/// Body of an enrolment: a certificate request and a proof.
pub(super) const ENROL_BYTES: usize = 16 * 1024;

/// Until a body is there.
pub(super) const BODY_TIME: Duration = Duration::from_secs(30);
/// Until the head of a request is there.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);
/// Headers of a request.
pub(super) const HEADERS_MAX: usize = 100;
/// Head of a request; the smallest that hyper takes as a bound of its buffer is 8 KiB.
pub(super) const HEAD_BYTES: usize = 16 * 1024;
/// Connections at once, so that strangers cannot use up the file descriptors.
pub(super) const CONNECTIONS: usize = 1024;
/// A path and query.
pub(super) const URL_BYTES: usize = 8 * 1024;

/// A follower of a log is let go after this; it comes again with the last offset.
pub(super) const FOLLOW_TIME: Duration = Duration::from_secs(3600);
/// The longest `wait`.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60);
/// A delivery's run is waited for so long before it is answered without. Tests want the answer with it, however busy the machine is.
pub(super) const DELIVERY_WAIT: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 1 });
/// Deliveries that may wait for their repository to be read.
pub(super) const DELIVERIES_WAITING: usize = 1000;
/// Between comments of an event stream, so that proxies keep it open.
pub(super) const EVENT_COMMENT: Duration = Duration::from_secs(15);

/// Items of a page, unless the request says otherwise.
pub(super) const PAGE_DEFAULT: usize = 50;
/// Items of a page at most; more is clamped.
pub(super) const PAGE_MAX: usize = 1000;

/// An idempotency key, in bytes.
pub(super) const KEY_BYTES: usize = 255;
/// Reasons and titles, in bytes.
pub(super) const REASON_BYTES: usize = 1024;
