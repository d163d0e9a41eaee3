//! A disk on which nothing can be promised for a while.

use windlass_disk::FaultyDisk;

use super::*;

#[test]
fn what_no_promise_could_be_written_for_is_tried_again_while_its_session_lives() {
    let disk = FaultyDisk::new();
    let mut host = host_on(Arc::new(disk.clone()), POLICY, FakeShims { broken: true, ..FakeShims::default() });
    let failing = |host: &mut Host, fence| {
        disk.fail_at(disk.operations(), std::io::ErrorKind::StorageFull);
        host.put(fence);
        assert_eq!(host.bodies(fence), [], "nothing is promised");
        assert!(host.state.is_waiting());
    };
    failing(&mut host, 11);
    host.put(11);
    host.look();
    assert_eq!(host.void(11), not_started(NotStarted::ShimFailed), "the disk is well again, and it was accepted");
    failing(&mut host, 12);
    host.assign(Assignments { cancel: vec![cancel(12)], ..Assignments::default() });
    host.look();
    assert_eq!(host.void(12), Some(Outcome::Cancelled), "it was cancelled meanwhile");
    failing(&mut host, 13);
    host.state.over(SESSION);
    host.look();
    assert_eq!(host.bodies(13), [], "only the present session counts");
    assert!(!host.state.is_waiting());
}

/// Wherever the room ends, the attempt is held with a whole record, waits for another try, or the agent ends by a failed sync.
#[test]
fn at_no_change_of_the_disk_does_a_put_get_lost() {
    let mut seen = [0; 3];
    for change in 0..30 {
        let disk = FaultyDisk::new();
        let mut host = host_on(Arc::new(disk.clone()), POLICY, FakeShims { broken: true, ..FakeShims::default() });
        disk.fail_at(disk.operations() + change, std::io::ErrorKind::StorageFull);
        let set = Assignments { put: vec![put(11, envelope())], ..Assignments::default() };
        let Ok(()) = host.state.assign(SESSION, set) else {
            seen[0] += 1;
            continue;
        };
        let (held, waits) = (!host.bodies(11).is_empty(), host.state.is_waiting());
        assert!(held != waits, "change {change}: held {held}, waiting {waits}");
        seen[if held { 1 } else { 2 }] += 1;
        host.look();
        assert!(!host.state.is_waiting(), "change {change}: there is room again");
        let bodies = host.bodies(11);
        let ends = |body: &LineBody| matches!(body, LineBody::Void { outcome: Outcome::NotStarted { .. } });
        assert!(bodies.last().is_some_and(ends), "change {change}: {bodies:?}");
        assert!(bodies.len() <= 2, "change {change}: {bodies:?}");
    }
    assert!(seen.iter().all(|count| *count > 0), "each of the three happened: {seen:?}");
}
