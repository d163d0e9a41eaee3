//! The link to the master. Connection A carries the session alone, B everything else, so that a flood of log bytes delays no cancel.
//!
//! `dial` opens both, `session` carries one from Hello to its end, `ship` sends logs, `blobs` artifacts, `run` dials again for ever.
//! Called by `app`; asks `work`. Invariant: nothing here decides about work, and nothing that is lost here is lost: records and logs stay
//! on disk until the master says forget.

mod backoff;
mod batch;
mod blobs;
mod dial;
mod error;
mod hello;
mod pending;
mod run;
mod session;
mod ship;
mod shipped;
mod shipping;

pub use blobs::{Blobs, Trouble};
pub use dial::Dialler;
pub use error::{Error, Result};
pub use hello::Introduction;
pub use pending::Pending;
pub use run::{Link, Live, Seen};
pub use shipping::Shipping;
