//! Whether the master's volume has room for another run. What runs goes on without; what is new is refused before it is begun.

use windlass_core::Refusal;

use super::api::Api;
use super::problem::Refused;

/// Refuses if there is none.
pub(super) fn demand(api: &Api) -> Result<(), Refused> {
    if api.volume.is_tight() { Err(Refusal::NoSpace.into()) } else { Ok(()) }
}
