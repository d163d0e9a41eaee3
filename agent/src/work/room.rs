//! How much is spooled, and how much room the volume has.

use std::io;
use std::path::Path;

use windlass_core::attempt::DiskRoom;

/// What heartbeats say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes of records and logs that the master has not said to forget.
    pub spool_bytes: u64,
    /// Free on the volume of the state directory.
    pub free_bytes: u64,
}

/// Room on the volume of a directory, with what is reserved there.
pub(super) fn disk_room(dir: &Path, reserved_bytes: u64) -> io::Result<DiskRoom> {
    let volume = rustix::fs::statvfs(dir)?;
    let bytes = |blocks: u64| blocks.saturating_mul(volume.f_frsize);
    Ok(DiskRoom { total_bytes: bytes(volume.f_blocks), free_bytes: bytes(volume.f_bavail), reserved_bytes })
}
