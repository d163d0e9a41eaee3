use std::path::Path;

use super::{Checked, create_dir_all_synced, read_checked, write, write_checked};
use crate::file::Disk;
use crate::{FaultyDisk, RealDisk};

#[test]
fn a_cut_leaves_the_old_file_or_the_new_one_and_an_answered_write_stays() {
    let path = Path::new("/state");
    for operation in 0.. {
        let mut answered = false;
        for seed in 0..20 {
            let disk = FaultyDisk::new();
            write(&disk, path, &[1; 3000]).expect("the first write");
            disk.power_off_at(disk.operations() + operation);
            answered = write(&disk, path, &[2; 5000]).is_ok();
            disk.crash(seed);
            let found = disk.read(path).expect("one of both is there");
            assert!(found == [2; 5000] || !answered && found == [1; 3000], "cut at {operation}");
        }
        if answered {
            assert!(operation >= 5, "open, write, fsync, rename and sync were all cut");
            return;
        }
    }
}

#[test]
fn new_directories_stay_at_every_level() {
    let deep = Path::new("/a/b/c");
    for operation in 0.. {
        let mut answered = false;
        for seed in 0..20 {
            let disk = FaultyDisk::new();
            disk.power_off_at(operation);
            answered = create_dir_all_synced(&disk, deep).is_ok();
            disk.crash(seed);
            assert!(!answered || disk.exists(deep).expect("stat"));
            create_dir_all_synced(&disk, deep).expect("the second time");
            disk.crash(seed);
            assert!(disk.exists(deep).expect("stat"), "cut at {operation}");
        }
        if answered {
            return;
        }
    }
}

#[test]
fn a_level_made_by_a_process_that_died_before_its_sync_becomes_durable() {
    for seed in 0..20 {
        let disk = FaultyDisk::new();
        disk.create_dir(Path::new("/a")).expect("create");
        create_dir_all_synced(&disk, Path::new("/a/b")).expect("create");
        disk.crash(seed);
        assert!(disk.exists(Path::new("/a/b")).expect("stat"));
    }
}

#[test]
fn a_checked_file_gives_back_its_bytes_or_says_that_it_is_damaged() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("state");
    assert_eq!(read_checked(&RealDisk, &path).expect("read"), Checked::Missing);
    for bytes in [&b""[..], b"{}", b"lines\n\n", b"\0\xff"] {
        write_checked(&RealDisk, &path, bytes).expect("write");
        assert_eq!(read_checked(&RealDisk, &path).expect("read"), Checked::Whole(bytes.to_vec()));
        let whole = std::fs::read(&path).expect("read");
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).expect("write");
            assert_eq!(read_checked(&RealDisk, &path).expect("read"), Checked::Damaged, "bit {bit}");
        }
        for len in 0..whole.len() {
            std::fs::write(&path, &whole[..len]).expect("write");
            assert_eq!(read_checked(&RealDisk, &path).expect("read"), Checked::Damaged, "cut at {len}");
        }
    }
    assert_eq!(RealDisk.read_dir(dir.path()).expect("list"), [path]);
}
