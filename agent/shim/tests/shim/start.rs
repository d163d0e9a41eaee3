//! The start, up to GO: what is not as agreed is refused, and nothing is executed.

use std::fs;
use std::path::Path;

use windlass_core::attempt::LineBody;
use windlass_core::model::{NotStarted, Outcome};
use windlass_disk::DiskFile;
use windlass_disk::real::RealFile;

use crate::harness::{Host, envelope, lines, run, sh};

fn marking() -> Host {
    Host::new(envelope(&[sh("touch executed")]))
}

#[test]
fn a_cancel_before_go_voids_the_attempt() {
    for file in ["cancel", "cancel.force"] {
        let host = marking();
        host.ask(file);
        let ended = host.start().end();
        assert_eq!(ended.void(), Outcome::Cancelled, "{file}");
        assert!(!ended.host.workspace().join("executed").exists());
        assert!(!ended.host.dir().join("step-01.log").exists());
        ended.wait_for_free_lock();
    }
}

#[test]
fn a_missing_workspace_voids_the_attempt() {
    let host = marking();
    host.place(Path::new("/no/such/workspace"));
    let ended = host.start().end();
    let why = "directory: No such file or directory (os error 2)".to_owned();
    assert_eq!(ended.void(), Outcome::NotStarted { reason: NotStarted::SetupFailed(why) });
}

#[test]
fn without_the_record_as_descriptor_3_nothing_happens() {
    let not_as_agreed = [
        ("none", "exec 3<&- </dev/null; exec \"$0\" \"$1\""),
        ("another file", "exec 3</dev/null; exec \"$0\" \"$1\""),
    ];
    for (what, script) in not_as_agreed {
        let ended = marking().start_by(script).end();
        assert_eq!(ended.code, Some(70), "{what}");
        assert_eq!(lines(&ended.host.dir()).len(), 1, "{what}");
        assert!(!ended.host.workspace().join("executed").exists(), "{what}");
    }
}

#[test]
fn a_lock_that_another_process_holds_is_respected() {
    let host = marking();
    let ours = RealFile::new(host.open_record(), Path::new("record"));
    assert!(ours.try_flock().expect("flock"));
    let unlocked = host.open_record();
    let ended = host.start_with(unlocked, "exec 3<&0 </dev/null; exec \"$0\" \"$1\"").end();
    assert_eq!(ended.code, Some(70));
    assert_eq!(lines(&ended.host.dir()).len(), 1);
}

#[test]
fn a_record_that_goes_on_after_accepted_is_not_begun_again() {
    let host = marking();
    host.append(2, LineBody::Go);
    let ended = host.start().end();
    assert_eq!(ended.code, Some(70));
    assert_eq!(lines(&ended.host.dir()).len(), 2);
    assert!(!ended.host.workspace().join("executed").exists());
}

#[test]
fn a_torn_or_unreadable_record_is_not_begun() {
    for garbage in ["1234", "00000000 {}\n"] {
        let host = marking();
        let path = host.dir().join("record");
        let mut bytes = fs::read(&path).expect("the record");
        bytes.extend_from_slice(garbage.as_bytes());
        fs::write(&path, &bytes).expect("written");
        let ended = host.start().end();
        assert_eq!(ended.code, Some(70), "{garbage:?}");
        assert_eq!(fs::read(&path).expect("the record"), bytes, "it is left as it was found");
    }
}

#[test]
fn a_place_that_cannot_be_read_is_refused() {
    let host = marking();
    fs::write(host.dir().join("place"), b"{\"workspace\":\"/tmp\"}").expect("written");
    let ended = host.start().end();
    assert_eq!(ended.code, Some(70));
    assert_eq!(lines(&ended.host.dir()).len(), 1);
}

#[test]
fn the_directory_may_be_named_relatively() {
    let host = Host::new(envelope(&[sh("echo hello")]));
    let ended = host.start_by("exec 3<&0 </dev/null; cd \"$1\"; exec \"$0\" .").end();
    assert_eq!(ended.outcome(), Outcome::Succeeded);
    assert_eq!(run(&[]).outcome(), Outcome::Succeeded);
}
