//! The power goes at every operation of a switch: what the record and the symlink say afterwards fits together.

use std::path::Path;
use std::sync::Arc;

use windlass_disk::{Disk, FaultyDisk, safe_write};

use super::error::Result;
use super::fixture::{self, NEW, OLD};
use super::layout::Layout;
use super::record::{Line, Mark, TargetRecord, look};
use windlass_core::model::Change;

/// Seeds for each cut: what of the unsynced survives differs.
const SEEDS: u64 = 8;

fn a_change() -> Change {
    let (_dir, layout) = fixture::layout();
    fixture::change(&layout)
}

/// A target on which [`OLD`] is linked, all of it durable.
fn target() -> (FaultyDisk, Layout) {
    let disk = FaultyDisk::new();
    let layout = Layout::on(Arc::new(disk.clone()), Path::new("/srv/shop"));
    for dir in [layout.releases(), layout.own("manifest")] {
        safe_write::create_dir_all_synced(&disk, &dir).expect("a new folder");
    }
    layout.link(OLD).expect("no fault is planned");
    (disk, layout)
}

fn switch(layout: &Layout, change: &Change) -> Result<()> {
    let mut record = TargetRecord::open(layout)?;
    for mark in [Mark::Touched, Mark::Stopping, Mark::Switching] {
        record.append(Line::of(change, mark))?;
    }
    layout.link(NEW)?;
    record.append(Line::of(change, Mark::Switched))
}

/// Runs `act` with a power cut at each of its operations and each seed, then looks.
fn cut_everywhere(prepare: impl Fn(&Layout), act: impl Fn(&Layout) -> Result<()>, check: impl Fn(&Layout, u64)) -> u64 {
    let operations = |disk: &FaultyDisk, layout: &Layout| {
        let before = disk.operations();
        act(layout).expect("no fault is planned");
        disk.operations() - before
    };
    let (disk, layout) = target();
    prepare(&layout);
    let count = operations(&disk, &layout);
    for (cut, seed) in (0..count).flat_map(|cut| (0..SEEDS).map(move |seed| (cut, seed))) {
        let (disk, layout) = target();
        prepare(&layout);
        disk.power_off_at(disk.operations() + cut);
        assert!(act(&layout).is_err(), "the cut at {cut} went unnoticed");
        disk.crash(seed);
        check(&layout, cut);
    }
    count
}

#[test]
fn after_any_cut_current_names_a_release_and_the_record_announced_it() {
    let change = a_change();
    let check = |layout: &Layout, cut: u64| {
        let linked = layout.linked().expect("a symlink of ours").expect("it was there before");
        let said = TargetRecord::open(layout).expect("at most torn").state().mark_of(change.generation);
        assert!(linked == OLD || linked == NEW, "{linked}");
        if linked == NEW {
            assert!(said >= Some(Mark::Switching), "cut {cut}: switched without a word: {said:?}");
        }
        if said >= Some(Mark::Switched) {
            assert_eq!(linked, NEW, "cut {cut}: said, not done");
        }
        switch(layout, &change).expect("the disk works again");
    };
    let cuts = cut_everywhere(|_| (), |layout| switch(layout, &change), check);
    assert!(cuts > 10, "{cuts} operations");
}

#[test]
fn after_any_cut_a_record_begun_anew_has_forgotten_nothing() {
    let change = a_change();
    let fill = |layout: &Layout| {
        let mut record = TargetRecord::open(layout).expect("a record");
        let long = Line { why: "x".repeat(40_000), ..Line::of(&change, Mark::Stuck) };
        record.append(long.clone()).expect("synced");
        record.append(Line { generation: 9, ..long }).expect("synced");
        record.append(Line::of(&change, Mark::Committed)).expect("synced");
    };
    let check = |layout: &Layout, cut: u64| {
        let state = look(layout).expect("whole");
        let last = state.last.map(|line| (line.generation, line.mark));
        assert_eq!((state.seen, last), (9, Some((7, Mark::Committed))), "cut {cut}");
    };
    let cuts = cut_everywhere(fill, |layout| TargetRecord::open(layout).map(drop), check);
    assert!(cuts > 5, "{cuts} operations");
    let (disk, layout) = target();
    fill(&layout);
    TargetRecord::open(&layout).expect("begun anew");
    assert!(disk.read(&layout.own("record")).expect("there").len() < 50_000);
}
