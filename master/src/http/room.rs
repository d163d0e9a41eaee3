//! Whether the master's volume has room for another run. What runs goes on without; what is new is refused before it is begun.

use windlass_core::Refusal;

use super::api::Api;
use super::problem::Refused;

/// Below this nothing new is begun: what runs still has reports, logs and artifacts to store.
const ROOM_BYTES: u64 = 32 * 1024 * 1024;

/// Refuses if there is none.
pub(super) fn demand(api: &Api) -> Result<(), Refused> {
    match rustix::fs::statvfs(&api.config.data_dir) {
        Ok(volume) if volume.f_bavail.saturating_mul(volume.f_frsize) < ROOM_BYTES => Err(Refusal::NoSpace.into()),
        // A volume that cannot be asked shows itself when something is written.
        Ok(_) | Err(_) => Ok(()),
    }
}
