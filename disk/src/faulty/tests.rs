use std::io::ErrorKind;
use std::path::Path;

use super::FaultyDisk;
use crate::file::{Disk, Open};

fn path(name: &str) -> &Path {
    Path::new(name)
}

#[test]
fn what_was_synced_survives_every_crash() {
    for seed in 0..50 {
        let disk = FaultyDisk::new();
        let file = disk.open(path("/a"), Open::CreateNew).expect("create");
        file.write_at(0, b"kept").expect("write");
        file.fsync().expect("fsync");
        disk.sync_dir(path("/")).expect("sync");
        disk.crash(seed);
        assert_eq!(disk.read(path("/a")).expect("read"), b"kept");
    }
}

#[test]
fn unsynced_names_and_blocks_are_sometimes_lost_and_sometimes_kept() {
    let mut lost_names = 0;
    let mut torn = 0;
    for seed in 0..100 {
        let disk = FaultyDisk::new();
        let synced = disk.open(path("/synced"), Open::Create).expect("create");
        disk.sync_dir(path("/")).expect("sync");
        disk.open(path("/new"), Open::Create).expect("create");
        synced.write_at(0, &[7; 2048]).expect("write");
        disk.crash(seed);
        lost_names += u32::from(!disk.exists(path("/new")).expect("stat"));
        let bytes = disk.read(path("/synced")).expect("the name is durable");
        let blocks = bytes.chunks(512).filter(|block| block.contains(&7)).count();
        torn += u32::from(blocks > 0 && blocks < 4);
    }
    assert!((20..80).contains(&lost_names), "{lost_names} of 100 names lost");
    assert!(torn > 50, "{torn} of 100 writes torn");
}

#[test]
fn a_rename_is_the_old_name_or_the_new_one() {
    for seed in 0..50 {
        let disk = FaultyDisk::new();
        disk.open(path("/old"), Open::Create).expect("create");
        disk.sync_dir(path("/")).expect("sync");
        disk.rename(path("/old"), path("/new")).expect("rename");
        disk.crash(seed);
        assert_eq!(disk.read_dir(path("/")).expect("list").len(), 1);
    }
}

#[test]
fn a_planned_failure_fails_once_and_only_there() {
    let disk = FaultyDisk::new();
    let file = disk.open(path("/a"), Open::Create).expect("create");
    disk.fail_at(disk.operations(), ErrorKind::StorageFull);
    let error = file.write_at(0, b"x").expect_err("planned");
    assert!(error.is_no_space());
    file.write_at(0, b"x").expect("only once");
    disk.fail_at(disk.operations(), ErrorKind::StorageFull);
    let error = file.fsync().expect_err("planned");
    assert!(!error.is_no_space(), "after a failed sync nobody knows what the disk has");
}

#[test]
fn after_a_failed_sync_a_handle_never_claims_to_be_synced() {
    let disk = FaultyDisk::new();
    let file = disk.open(path("/a"), Open::Create).expect("create");
    file.write_at(0, b"x").expect("write");
    disk.fail_at(disk.operations(), ErrorKind::Other);
    file.fdatasync().expect_err("planned");
    file.fdatasync().expect_err("what it held may be gone");
}

#[test]
fn without_power_nothing_works_until_the_crash_is_over() {
    let disk = FaultyDisk::new();
    let file = disk.open(path("/a"), Open::Create).expect("create");
    disk.sync_dir(path("/")).expect("sync");
    disk.power_off_at(disk.operations());
    file.write_at(0, b"x").expect_err("no power");
    file.fsync().expect_err("still no power");
    disk.crash(1);
    file.write_at(0, b"x").expect_err("the process is gone");
    let file = disk.open(path("/a"), Open::Write).expect("open");
    file.write_at(0, b"y").expect("power is back");
}

#[test]
fn a_full_disk_takes_no_new_byte_but_old_ones_can_change() {
    let disk = FaultyDisk::new();
    disk.limit_bytes(4);
    let file = disk.open(path("/a"), Open::Create).expect("create");
    file.write_at(0, b"four").expect("fits");
    assert!(file.append(b"x").expect_err("full").is_no_space());
    assert!(file.preallocate(5).expect_err("full").is_no_space());
    file.write_at(0, b"FOUR").expect("needs no room");
}

#[test]
fn a_lock_is_freed_by_drop_and_by_a_crash() {
    let disk = FaultyDisk::new();
    let first = disk.open(path("/a"), Open::Create).expect("create");
    disk.sync_dir(path("/")).expect("sync");
    let second = disk.open(path("/a"), Open::Write).expect("open");
    assert!(first.try_flock().expect("flock"));
    assert!(!second.try_flock().expect("flock"));
    drop(first);
    assert!(second.try_flock().expect("flock"));
    disk.crash(0);
    let third = disk.open(path("/a"), Open::Write).expect("open");
    assert!(third.try_flock().expect("flock"));
}

#[test]
fn directories_and_links_behave_like_the_real_ones() {
    let disk = FaultyDisk::new();
    disk.create_dir_all(path("/a/b")).expect("create");
    assert_eq!(disk.create_dir(path("/a")).expect_err("exists").kind(), ErrorKind::AlreadyExists);
    disk.symlink(path("b"), path("/a/link")).expect("symlink");
    assert_eq!(disk.read_link(path("/a/link")).expect("read"), path("b"));
    assert_eq!(disk.remove_dir(path("/a")).expect_err("not empty").kind(), ErrorKind::DirectoryNotEmpty);
    disk.rename(path("/a/link"), path("/link")).expect("rename");
    disk.remove_file(path("/link")).expect("remove");
    disk.remove_dir(path("/a/b")).expect("remove");
    assert!(!disk.exists(path("/a/b")).expect("stat"));
}

#[test]
fn a_lock_belongs_to_the_open_file_and_its_last_descriptor_frees_it() {
    let disk = FaultyDisk::new();
    let first = disk.open(path("/record"), Open::CreateNew).expect("create");
    assert!(first.try_flock().expect("free"));
    let inherited = first.duplicate().expect("dup");
    let other = disk.open(path("/record"), Open::Write).expect("open");
    drop(first);
    assert!(!other.try_flock().expect("tried"), "the inherited descriptor still has it");
    assert!(inherited.try_flock().expect("its own"));
    drop(inherited);
    assert!(other.try_flock().expect("free again"));
}

#[test]
fn what_is_sure_to_stay_can_be_asked() {
    let disk = FaultyDisk::new();
    disk.create_dir(path("/d")).expect("made");
    let file = disk.open(path("/d/a"), Open::CreateNew).expect("create");
    file.write_at(0, b"ab").expect("write");
    file.fsync().expect("fsync");
    disk.sync_dir(path("/d")).expect("sync");
    assert!(!disk.is_synced(path("/d/a")), "the parent's name can be lost");
    disk.sync_dir(path("/")).expect("sync");
    assert!(disk.is_synced(path("/d/a")));
    file.append(b"c").expect("write");
    assert_eq!((disk.is_synced(path("/d/a")), disk.synced_len(path("/d/a"))), (false, 2));
    assert_eq!(disk.synced(path("/d/a")), Some(b"ab".to_vec()));
}

#[test]
fn a_sync_of_the_volume_keeps_all_contents_and_names() {
    let disk = FaultyDisk::new();
    disk.create_dir_all(path("/a/b")).expect("made");
    disk.open(path("/a/b/one"), Open::Create).and_then(|file| file.append(b"1")).expect("written");
    disk.open(path("/a/two"), Open::Create).and_then(|file| file.append(b"2")).expect("written");
    disk.volume(path("/a")).expect("it opens").expect("there is one").sync().expect("synced");
    for seed in 0..20 {
        disk.crash(seed);
        assert_eq!(disk.read(path("/a/b/one")).expect("kept"), b"1");
        assert_eq!(disk.read(path("/a/two")).expect("kept"), b"2");
    }
}
