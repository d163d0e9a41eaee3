use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::*;
use crate::release::error::{Error, Result};
use crate::release::manifest::{Entry, Files};

const OWN: [(&str, &str); 1] = [("WINDLASS_RELEASE", "r1-00000001\n")];

/// An entry with this path in its header, whatever it is.
fn raw(path: &[u8], kind: EntryType, mode: u32, link: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    let old = header.as_old_mut();
    old.name[..path.len()].copy_from_slice(path);
    old.linkname[..link.len()].copy_from_slice(link);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(path: &str) -> Vec<u8> {
    raw(path.as_bytes(), EntryType::Regular, 0o644, b"", b"x")
}

fn folder(path: &str) -> Vec<u8> {
    raw(path.as_bytes(), EntryType::Directory, 0o755, b"", b"")
}

fn link(path: &str, target: &str) -> Vec<u8> {
    raw(path.as_bytes(), EntryType::Symlink, 0o777, target.as_bytes(), b"")
}

/// A path too long for the header, as GNU tar writes it.
fn long(path: &[u8], kind: EntryType) -> Vec<u8> {
    let mut bytes = raw(b"././@LongLink", EntryType::GNULongName, 0o644, b"", path);
    bytes.extend(raw(b"short", kind, 0o644, b"", b""));
    bytes
}

/// An extension header; a record says its own length first.
fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let line = |(key, value): &(&str, &str)| {
        let rest = format!(" {key}={value}\n");
        let digits = if rest.len() < 8 { 1 } else { 2 };
        format!("{}{rest}", rest.len() + digits)
    };
    let lines: String = records.iter().map(line).collect();
    raw(b"pax", EntryType::XHeader, 0o644, b"", lines.as_bytes())
}

fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

struct Unpacked {
    _dir: TempDir,
    into: PathBuf,
    result: Result<Files>,
}

fn unpack_as(name: &str, bytes: &[u8], limits: &Limits) -> Unpacked {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let artifact = dir.path().join("artifact");
    fs::write(&artifact, bytes).expect("an artifact");
    let into = dir.path().join("new");
    let result = extract(&artifact, name, &into, limits, &OWN);
    let beside: Vec<_> =
        fs::read_dir(dir.path()).expect("there").map(|entry| entry.expect("read").file_name()).collect();
    assert!(beside.iter().all(|name| name == "artifact" || name == "new"), "written outside: {beside:?}");
    Unpacked { _dir: dir, into, result }
}

fn refusal_of(entries: &[Vec<u8>]) -> Refusal {
    match unpack_as("a.tar", &archive(entries), &Limits::ARTIFACT).result {
        Err(Error::Archive(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn files_folders_and_symlinks_come_out_as_they_went_in() {
    let bytes = archive(&[
        folder("./"),
        folder("./bin/"),
        raw(b"./bin/shop", EntryType::Regular, 0o775, b"", b"#!/bin/sh\n"),
        raw(b"etc/shop.conf", EntryType::Regular, 0o600, b"", b"a=1"),
        link("etc/default.conf", "shop.conf"),
        link("bin/conf", "../etc/"),
        pax(&[("path", "pax/naïve.txt"), ("SCHILY.xattr.user.a", "b"), ("mtime", "1.5")]),
        raw(b"other", EntryType::Regular, 0o644, b"", b"x"),
    ]);
    let unpacked = unpack_as("a.tar", &bytes, &Limits::ARTIFACT);
    let files = unpacked.result.expect("a good archive");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["WINDLASS_RELEASE", "bin/conf", "bin/shop", "etc/default.conf", "etc/shop.conf", "pax/naïve.txt"]
    );
    assert_eq!(files["bin/conf"], Entry::Link("../etc/".to_owned()));
    let mode = |path: &str| fs::metadata(unpacked.into.join(path)).expect("there").mode() & 0o7777;
    assert_eq!((mode("bin/shop"), mode("etc/shop.conf"), mode("bin")), (0o755, 0o644, 0o755));
    assert_eq!(fs::read_to_string(unpacked.into.join("bin/conf/default.conf")).expect("through both"), "a=1");
}

#[test]
fn a_compressed_tar_and_a_single_file_are_unpacked_by_name() {
    let tar = zstd::encode_all(archive(&[file("a")]).as_slice(), 3).expect("in memory");
    assert!(unpack_as("shop.tar.zst", &tar, &Limits::ARTIFACT).result.expect("good").contains_key("a"));
    let single = unpack_as("shop", b"\x7fELF", &Limits::ARTIFACT);
    assert!(single.result.expect("good").contains_key("shop"));
    assert_eq!(fs::metadata(single.into.join("shop")).expect("there").permissions().mode() & 0o777, 0o755);
    for other in ["shop.tar.gz", "shop.zip"] {
        let result = unpack_as(other, b"", &Limits::ARTIFACT).result;
        assert!(matches!(result, Err(Error::Archive(Refusal::Kind(_)))), "{other}");
    }
}

#[test]
fn f1_paths_that_are_not_plain_are_refused() {
    let bad: [&[u8]; 17] = [
        b"../x",
        b"/etc/x",
        b"C:\\x",
        b"C:/x",
        b"a/../../b",
        b".",
        b"a/./b",
        b"a//b",
        b"./../x",
        b"",
        b"a\\b",
        b"a\nb",
        b"\xff\xfe",
        b"a.",
        b"a ",
        b"a./b",
        b"a/",
    ];
    for path in bad {
        let refusal = refusal_of(&[raw(path, EntryType::Regular, 0o644, b"", b"x")]);
        assert!(matches!(refusal, Refusal::Path { .. }), "{path:?}: {refusal}");
    }
    for path in [vec![b'a'; 5_000], b"a\0b".to_vec(), vec![b'a'; 256], [b"a/".repeat(70), b"b".to_vec()].concat()] {
        let refusal = refusal_of(&[long(&path, EntryType::Regular)]);
        assert!(matches!(refusal, Refusal::Path { .. }), "{refusal}");
    }
}

#[test]
fn f2_no_file_goes_through_a_symlink_and_no_name_is_there_twice() {
    let rows: [(&str, Vec<Vec<u8>>); 8] = [
        ("a file through a symlink", vec![link("d", "e"), file("d/x")]),
        ("a symlink over a folder", vec![folder("d/"), link("d", "e")]),
        ("a file over an implied folder", vec![file("d/x"), file("d")]),
        ("the same file", vec![file("x"), file("x")]),
        ("the same folder", vec![folder("d/"), folder("d/")]),
        ("after case folding", vec![file("Readme"), file("README")]),
        ("folders after case folding", vec![file("D/x"), file("d/y")]),
        ("a file of ours", vec![file("windlass_release")]),
    ];
    for (name, entries) in rows {
        assert!(matches!(refusal_of(&entries), Refusal::Twice(_)), "{name}");
    }
    let hard = raw(b"x", EntryType::Link, 0o644, b"../../etc/passwd", b"");
    assert!(matches!(refusal_of(&[hard]), Refusal::Special { what: "a hard link", .. }));
}

#[test]
fn f2_symlinks_stay_inside() {
    for target in ["/etc/passwd", "../x", "..", "a/../../x", "a/../b", "./a", "a//b", "", "a\\b"] {
        let refusal = refusal_of(&[link("x", target)]);
        assert!(matches!(refusal, Refusal::Link { .. }), "{target:?}: {refusal}");
    }
    assert!(matches!(refusal_of(&[link("d/x", "../../y")]), Refusal::Link { .. }));
    let inside = [link("d/e/up", "../.."), link("d/same", "."), link("d/down", "e/up")];
    assert_eq!(unpack_as("a.tar", &archive(&inside), &Limits::ARTIFACT).result.expect("all inside").len(), 4);
}

#[test]
fn f2_a_folder_swapped_for_a_symlink_is_not_written_through() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let beneath = super::beneath::Beneath::create(&dir.path().join("new")).expect("a new folder");
    std::os::unix::fs::symlink(dir.path(), dir.path().join("new/d")).expect("swapped");
    assert!(beneath.file(&vec!["d".to_owned(), "x".to_owned()], false).is_err());
    assert!(!dir.path().join("x").exists());
}

#[test]
fn f3_special_files_and_setuid_are_refused_and_modes_are_ours() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::GNUSparse, EntryType::new(b'S' + 1)] {
        assert!(matches!(refusal_of(&[raw(b"x", kind, 0o644, b"", b"")]), Refusal::Special { .. }), "{kind:?}");
    }
    for mode in [0o4755, 0o2755, 0o6644] {
        assert!(matches!(refusal_of(&[raw(b"x", EntryType::Regular, mode, b"", b"")]), Refusal::Setuid(_)));
    }
    let odd = [raw(b"none", EntryType::Regular, 0, b"", b""), raw(b"d", EntryType::Directory, 0o1000, b"", b"")];
    let unpacked = unpack_as("a.tar", &archive(&odd), &Limits::ARTIFACT);
    unpacked.result.expect("modes are dropped");
    assert_eq!(fs::metadata(unpacked.into.join("none")).expect("there").mode() & 0o7777, 0o644);
    assert_eq!(fs::metadata(unpacked.into.join("d")).expect("there").mode() & 0o7777, 0o755);
    let sparse = [pax(&[("GNU.sparse.major", "1")]), file("x")];
    assert!(matches!(refusal_of(&sparse), Refusal::Special { what: "a sparse file", .. }));
}

#[test]
fn f4_limits_hold_whatever_the_archive_claims() {
    let zeros = vec![0; 30 * 1024 * 1024];
    let mut builder = Builder::new(zstd::Encoder::new(Vec::new(), 3).expect("in memory"));
    let mut header = Header::new_gnu();
    header.set_size(zeros.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "zeros", zeros.as_slice()).expect("in memory");
    let bomb = builder.into_inner().and_then(zstd::Encoder::finish).expect("in memory");
    let limit = |result: Result<Files>| matches!(result, Err(Error::Archive(Refusal::TooMuch(_))));
    assert!(limit(unpack_as("a.tar.zst", &bomb, &Limits::ARTIFACT).result), "ratio");
    let few = Limits { entries: 3, bytes: 1_000, ..Limits::ARTIFACT };
    let many: Vec<Vec<u8>> =
        (0..4).map(|n| raw(format!("e{n}").as_bytes(), EntryType::Regular, 0o644, b"", b"")).collect();
    assert!(limit(unpack_as("a.tar", &archive(&many), &few).result), "entries");
    assert!(unpack_as("a.tar", &archive(&many[..3]), &few).result.is_ok());
    let big = raw(b"x", EntryType::Regular, 0o644, b"", &[1; 1_001]);
    assert!(limit(unpack_as("a.tar", &archive(&[big]), &few).result), "bytes");
    let longest = raw(b"././@LongLink", EntryType::GNULongName, 0o644, b"", &[b'a'; 70_000]);
    assert!(limit(unpack_as("a.tar", &archive(&[longest]), &few).result), "extension header");
    let headers: Vec<Vec<u8>> = (0..5).map(|_| pax(&[("path", "ab")])).collect();
    assert!(matches!(refusal_of(&headers), Refusal::TooMuch(_)), "extension headers");
}

#[test]
fn f4_an_archive_within_an_archive_stays_closed() {
    let inner = archive(&[file("../x")]);
    let mut bytes = raw(b"inner.tar", EntryType::Regular, 0o644, b"", &inner);
    bytes.resize(bytes.len() + 1024, 0);
    let unpacked = unpack_as("a.tar", &bytes, &Limits::ARTIFACT);
    assert!(unpacked.result.is_ok() && unpacked.into.join("inner.tar").is_file());
}

#[test]
fn a_cut_or_contradictory_archive_is_refused() {
    let whole = archive(&[raw(b"x", EntryType::Regular, 0o644, b"", &[7; 2_000])]);
    let cut = unpack_as("a.tar", &whole[..1_500], &Limits::ARTIFACT).result;
    assert!(matches!(cut, Err(Error::Archive(Refusal::Broken(_)))), "{cut:?}");
    let two_sizes = [pax(&[("size", "99")]), file("x")];
    assert!(matches!(refusal_of(&two_sizes), Refusal::Broken(_)));
    let garbage = [0x5a; 4_096];
    assert!(unpack_as("a.tar.zst", &garbage, &Limits::ARTIFACT).result.is_err());
    assert!(unpack_as("a.tar", &garbage, &Limits::ARTIFACT).result.is_err());
}
