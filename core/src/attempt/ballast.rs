//! When an agent keeps a ballast, and when it goes: room on its volume that only evidence gets.

use super::accept::DiskRoom;

/// With less than this a shim that waits for room to write a line may wait for ever.
const EVIDENCE_BYTES: u64 = 1024 * 1024;

/// What to do about it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ballast {
    /// Make it.
    Make,
    /// Remove it: lines of records find room.
    GiveUp,
    /// Leave things as they are.
    Leave,
}

/// Decides. `size_bytes` is how large it is, or would be.
///
/// | ballast | free | then |
/// |---|---|---|
/// | there | less than 1 MiB | give it up |
/// | missing | with it, still enough for new attempts | make it |
/// | any | else | leave |
pub fn ballast(there: bool, size_bytes: u64, room: DiskRoom) -> Ballast {
    let after = DiskRoom { free_bytes: room.free_bytes.saturating_sub(size_bytes), ..room };
    if there && room.free_bytes < EVIDENCE_BYTES {
        Ballast::GiveUp
    } else if !there && size_bytes > 0 && after.is_enough() {
        Ballast::Make
    } else {
        Ballast::Leave
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_decides() {
        const MIB: u64 = 1024 * 1024;
        let table = [
            ("there, full", true, 16 * MIB, MIB - 1, Ballast::GiveUp),
            ("there, little", true, 16 * MIB, MIB, Ballast::Leave),
            ("missing, new attempts are taken", false, 16 * MIB, 66 * MIB, Ballast::Make),
            ("missing, none would be taken", false, 16 * MIB, 65 * MIB, Ballast::Leave),
            ("missing, full", false, 16 * MIB, 0, Ballast::Leave),
            ("not wanted", false, 0, 900 * MIB, Ballast::Leave),
        ];
        for (row, there, size_bytes, free_bytes, expected) in table {
            let room = DiskRoom { total_bytes: 1_000 * MIB, free_bytes, reserved_bytes: 0 };
            assert_eq!(ballast(there, size_bytes, room), expected, "{row}");
        }
    }
}
