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
