//! Whether an agent begins an attempt that the master has put. Asked by the agent for each one, before it makes a directory.

use std::collections::BTreeSet;

use crate::model::{Envelope, Fence, NotStarted, Outcome};

/// What counts of the agent's host.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// The attempts that have a directory.
    pub held: &'a BTreeSet<Fence>,
    /// Fences up to this one are refused for ever unless they are held.
    pub floor: Fence,
    /// Slots that no attempt takes.
    pub free_slots: u32,
    /// The volume of the state directory.
    pub disk: DiskRoom,
}

/// Room on the volume that holds records and logs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskRoom {
    /// Size of the volume.
    pub total_bytes: u64,
    /// Free now.
    pub free_bytes: u64,
    /// Reserved for the logs of all attempts that are held.
    pub reserved_bytes: u64,
}

/// What to do with a put attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// It has a directory already: nothing.
    Held,
    /// Its fence is not above the floor: nothing, ever. It has no effect and no record.
    Refuse,
    /// Make its directory, append ACCEPTED, start it.
    Accept,
    /// Make its directory, append VOID with this outcome.
    Void(Outcome),
}

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

/// Decides. `policy` is what the agent's own rules say, with the rule that said no; `cancelled` is true if a cancel came with it.
///
/// | the first that holds | then |
/// |---|---|
/// | the fence is held | `Held` |
/// | the fence is not above the floor | `Refuse` |
/// | a cancel is there | `Void(cancelled)` |
/// | the policy says no | `Void(not_started(denied_by_agent))` |
/// | fewer slots are free than it takes | `Void(not_started(busy))` |
/// | little is free, or its logs cannot be reserved | `Void(not_started(disk_low))` |
/// | none of these | `Accept` |
pub fn accept(
    fence: Fence,
    envelope: &Envelope,
    policy: Result<(), String>,
    cancelled: bool,
    host: Host<'_>,
) -> Acceptance {
    if host.held.contains(&fence) {
        return Acceptance::Held;
    }
    if fence <= host.floor {
        return Acceptance::Refuse;
    }
    if cancelled {
        return Acceptance::Void(Outcome::Cancelled);
    }
    let reason = match policy {
        Err(rule) => NotStarted::DeniedByAgent(rule),
        Ok(()) if host.free_slots < envelope.slots => NotStarted::Busy,
        Ok(()) if !host.disk.takes(envelope.log_quota_bytes) => NotStarted::DiskLow,
        Ok(()) => return Acceptance::Accept,
    };
    Acceptance::Void(Outcome::NotStarted { reason })
}

impl DiskRoom {
    /// Whether new attempts are taken at all.
    pub fn is_enough(&self) -> bool {
        self.free_bytes >= (self.total_bytes / 20).min(GIB)
    }

    /// Whether another attempt with this log quota fits: at least the lesser of 5 % and 1 GiB is free, and all reservations
    /// together stay within the lesser of 4 GiB and 10 % of the volume.
    pub fn takes(&self, log_quota_bytes: u64) -> bool {
        let may_be_reserved = (self.total_bytes / 10).min(4 * GIB);
        self.is_enough() && self.reserved_bytes.saturating_add(log_quota_bytes) <= may_be_reserved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::next_step::tests::envelope;

    const ROOMY: DiskRoom = DiskRoom { total_bytes: 100 * GIB, free_bytes: 50 * GIB, reserved_bytes: 0 };

    fn not_started(reason: NotStarted) -> Acceptance {
        Acceptance::Void(Outcome::NotStarted { reason })
    }

    #[test]
    fn the_first_row_that_holds_decides() {
        let held = BTreeSet::from([Fence(3), Fence(12)]);
        let host = Host { held: &held, floor: Fence(10), free_slots: 1, disk: ROOMY };
        let low = DiskRoom { free_bytes: GIB - 1, ..ROOMY };
        let denied = || Err("projects: `shop` is not in the list".to_owned());
        let rule = || NotStarted::DeniedByAgent("projects: `shop` is not in the list".to_owned());
        let table = [
            ("held, though below the floor", 3, denied(), true, host, Acceptance::Held),
            ("held", 12, Ok(()), false, host, Acceptance::Held),
            ("at the floor", 10, denied(), true, host, Acceptance::Refuse),
            ("below the floor", 9, Ok(()), false, host, Acceptance::Refuse),
            ("cancelled", 11, denied(), true, host, Acceptance::Void(Outcome::Cancelled)),
            ("denied", 11, denied(), false, Host { free_slots: 0, ..host }, not_started(rule())),
            ("busy", 11, Ok(()), false, Host { free_slots: 0, disk: low, ..host }, not_started(NotStarted::Busy)),
            ("disk low", 11, Ok(()), false, Host { disk: low, ..host }, not_started(NotStarted::DiskLow)),
            ("all well", 11, Ok(()), false, host, Acceptance::Accept),
        ];
        for (row, fence, policy, cancelled, host, expected) in table {
            assert_eq!(accept(Fence(fence), &envelope(&[]), policy, cancelled, host), expected, "{row}");
        }
    }

    #[test]
    fn a_change_of_a_target_needs_no_slot() {
        let held = BTreeSet::new();
        let host = Host { held: &held, floor: Fence(0), free_slots: 0, disk: ROOMY };
        let change = Envelope { slots: 0, ..envelope(&[]) };
        assert_eq!(accept(Fence(1), &change, Ok(()), false, host), Acceptance::Accept);
    }

    #[test]
    fn room_is_counted_with_what_is_reserved() {
        let small = DiskRoom { total_bytes: GIB, free_bytes: GIB / 2, reserved_bytes: 60 * MIB };
        let table = [
            ("fits", small, 42 * MIB, true),
            ("a tenth of a small volume is reserved", small, 43 * MIB, false),
            ("a twentieth of a small volume is free", DiskRoom { free_bytes: GIB / 20, ..small }, 1, true),
            ("less than that", DiskRoom { free_bytes: GIB / 20 - 1, ..small }, 1, false),
            ("4 GiB of a large volume", DiskRoom { reserved_bytes: 4 * GIB - 1, ..ROOMY }, 1, true),
            ("more than that", DiskRoom { reserved_bytes: 4 * GIB, ..ROOMY }, 1, false),
        ];
        for (row, room, quota, fits) in table {
            assert_eq!(room.takes(quota), fits, "{row}");
        }
    }
}
