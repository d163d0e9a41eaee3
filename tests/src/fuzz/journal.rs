//! A journal whose segments were changed behind its back.

use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use windlass_disk::journal::{EntryRef, Journal, Params};
use windlass_disk::{Disk, FaultyDisk};

use super::mutate::mutate;

const CLUSTER: [u8; 16] = [7; 16];

pub(super) fn case(rng: &mut Rng) -> Result<(), String> {
    let disk = FaultyDisk::new();
    let dir = Path::new("/journal");
    let params = Params { segment_bytes: [256, 1024, 8192][rng.usize(..3)] };
    let written = write(rng, &disk, dir, params);
    damage(rng, &disk, dir);
    let mut read: Vec<Vec<u8>> = Vec::new();
    let opened = Journal::open(Arc::new(disk.clone()), dir, CLUSTER, params, |record| {
        read.extend(record.entries.iter().map(|entry| entry.bytes.clone()));
        Ok(())
    });
    match opened {
        // The facts that were given out before the refusal are believed by nobody.
        Err(_refused) => Ok(()),
        Ok(_) if written.starts_with(&read) => follow(&disk, dir, params, &read),
        Ok(_) => Err(format!("{} facts were written, {} others were read", written.len(), read.len())),
    }
}

fn write(rng: &mut Rng, disk: &FaultyDisk, dir: &Path, params: Params) -> Vec<Vec<u8>> {
    let (mut journal, _) = Journal::open(Arc::new(disk.clone()), dir, CLUSTER, params, |_| Ok(()))
        .expect("a new journal on a sound disk opens");
    let mut written = Vec::new();
    for _ in 0..rng.usize(1..8) {
        let facts: Vec<Vec<u8>> = (0..rng.usize(0..4)).map(|_| fact(rng)).collect();
        let entries: Vec<EntryRef<'_>> =
            facts.iter().map(|bytes| EntryRef { kind: rng.u16(1..40), format: 1, bytes }).collect();
        journal.append(1, &entries).expect("a sound disk takes a record");
        written.extend(facts);
    }
    written
}

fn fact(rng: &mut Rng) -> Vec<u8> {
    (0..rng.usize(0..200)).map(|_| rng.u8(..)).collect()
}

fn damage(rng: &mut Rng, disk: &FaultyDisk, dir: &Path) {
    let segments = disk.read_dir(dir).expect("the journal has a directory");
    let victim = &segments[rng.usize(..segments.len())];
    match rng.u8(0..10) {
        0 => disk.remove_file(victim).expect("a segment can be removed"),
        1 => {
            let other = disk.read(&segments[rng.usize(..segments.len())]).expect("a segment can be read");
            disk.damage(victim, |bytes| *bytes = other);
        }
        _ => disk.damage(victim, |bytes| mutate(rng, bytes)),
    }
}

/// What a start accepted, a second start and a reader that follows accept too.
fn follow(disk: &FaultyDisk, dir: &Path, params: Params, read: &[Vec<u8>]) -> Result<(), String> {
    let mut again: Vec<Vec<u8>> = Vec::new();
    let opened = Journal::open(Arc::new(disk.clone()), dir, CLUSTER, params, |record| {
        again.extend(record.entries.iter().map(|entry| entry.bytes.clone()));
        Ok(())
    });
    let (journal, recovered) = opened.map_err(|error| format!("the second start refuses: {error}"))?;
    let mut records = journal.source().read_from(1).map_err(|error| format!("it cannot be followed: {error}"))?;
    let mut followed = Vec::new();
    while let Some(record) = records.up_to(recovered.last_lsn).map_err(|error| format!("following: {error}"))? {
        followed.extend(record.entries.into_iter().map(|entry| entry.bytes));
    }
    match again == read && followed == read {
        true => Ok(()),
        false => Err("a start, a second start and a reader do not agree".to_owned()),
    }
}
