//! Logs: every byte, in order, and gaps where bytes are missing.

use windlass_core::model::{Digest, Envelope, Outcome};
use windlass_disk::log::{GapReason, Kind};

use crate::harness::{Host, envelope, run, sh};

/// What `seq` prints for as many numbers as it takes to have a million bytes.
fn numbers(last: u32) -> Vec<u8> {
    (1..=last).flat_map(|number| format!("{number}\n").into_bytes()).collect()
}

#[test]
fn both_streams_are_kept_byte_for_byte() {
    let ended = run(&[sh("seq 1 170000 & seq 1 160000 >&2; wait")]);
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    assert!(ended.stream(1, Kind::Stdout) == numbers(170_000), "standard output differs");
    assert!(ended.stream(1, Kind::Stderr) == numbers(160_000), "standard error differs");
    let bytes = ended.log(1).into_bytes();
    assert!(bytes.len() > 2_000_000);
    let end = ended.exit().logs[0].expect("a log");
    assert_eq!((end.total, end.digest), (bytes.len() as u64, Some(Digest::of(&bytes))));
}

#[test]
fn any_bytes_are_fine_and_an_empty_log_is_one() {
    let ended = run(&[sh("printf '\\0\\377\\n\\r\\033'"), sh("true")]);
    assert_eq!(ended.stream(1, Kind::Stdout), b"\0\xff\n\r\x1b");
    let end = ended.exit().logs[1].expect("a log");
    assert_eq!((end.total, end.digest), (0, Some(Digest::of(b""))));
}

#[test]
fn lines_of_the_two_streams_keep_their_order() {
    // What is in both pipes at once has no order: each line waits until the one before is stored.
    let stored = "stored() { while ! grep -q \"$1\" \"$(cat log)\"; do sleep 0.01; done; }";
    let script =
        "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; stored \"out $i\"; echo err $i >&2; stored \"err $i\"; done";
    let host = Host::new(envelope(&[sh(&format!("{stored}; {script}"))]));
    std::fs::write(host.workspace().join("log"), host.dir().join("step-01.log").display().to_string())
        .expect("written");
    let ended = host.start().end();
    let expected: String = (1..=9).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert_eq!(ended.log(1), expected);
    let entries = ended.reader(1).entries(0, 100).expect("whole");
    assert!(entries.is_sorted_by_key(|entry| entry.at_ns), "times rise");
    assert!(entries.iter().all(|entry| entry.at_ns < 60_000_000_000), "times count from the start of the step");
}

#[test]
fn beyond_the_quota_head_and_tail_stay_and_the_gap_says_how_much_is_missing() {
    let small = Envelope { log_quota_bytes: 10_000, ..envelope(&[sh("seq 1 20000"), sh("echo still here")]) };
    let ended = Host::new(small).start().end();
    assert_eq!(ended.outcome(), Outcome::Succeeded, "no step fails for its log");
    let all = numbers(20_000);
    let (head, tail) = (5_000, 2_500);
    let log = ended.log(1).into_bytes();
    assert!(log == [&all[..head], &all[all.len() - tail..]].concat(), "{}", log.len());
    let entries = ended.reader(1).entries(0, 1000).expect("whole");
    let gaps: Vec<_> = entries.iter().filter(|entry| entry.kind == Kind::Gap).collect();
    assert!(gaps.iter().all(|gap| gap.gap == GapReason::Quota && gap.offset == head as u64));
    let dropped: Vec<u64> = gaps.iter().map(|gap| gap.dropped).collect();
    assert_eq!(dropped, [0, (all.len() - head - tail) as u64]);
    assert_eq!(ended.log(2), "still here\n", "a step after it has its tail");
}

#[test]
fn what_a_leftover_writes_goes_to_the_log_of_its_step() {
    let ended = run(&[
        sh("(while [ ! -e second ]; do sleep 0.01; done; echo late; touch told) &"),
        sh("touch second; while [ ! -e told ]; do sleep 0.01; done; echo second"),
    ]);
    assert_eq!((ended.log(1), ended.log(2)), ("late\n".to_owned(), "second\n".to_owned()));
    let totals: Vec<u64> = ended.exit().logs.iter().flatten().map(|end| end.total).collect();
    assert_eq!(totals, [5, 7]);
}
