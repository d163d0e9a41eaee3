use std::path::PathBuf;

use tempfile::TempDir;
use windlass_core::model::WayBack;

use super::*;
use crate::release::fixture::{self, Heard, NEW, OLD, from_old, install, layout};
use crate::release::layout::Layout;
use crate::release::recover;

/// A target on which [`OLD`] serves and [`NEW`] lies ready.
struct Scene {
    dir: TempDir,
    layout: Layout,
    change: Change,
    hooks: PathBuf,
    heard: Heard,
}

impl Scene {
    fn new() -> Self {
        let (dir, layout) = layout();
        let hooks = dir.path().join("hooks");
        let mut change = from_old(fixture::change(&layout));
        fixture::telling_hooks(&mut change.spec, &hooks);
        install(&dir, &layout, change.clone(), OLD, true);
        install(&dir, &layout, change.clone(), NEW, false);
        Self { dir, layout, change, hooks, heard: Heard::default() }
    }

    /// Leaves the record as a change does that was interrupted after this mark.
    fn interrupted_after(&self, mark: Mark) {
        recover::keep(&self.layout, &self.change).expect("kept");
        let mut record = TargetRecord::open(&self.layout).expect("a record");
        for mark in [Mark::Touched, Mark::Stopping, Mark::Switching, Mark::Switched].into_iter().filter(|m| *m <= mark)
        {
            record.append(Line::of(&self.change, mark)).expect("synced");
        }
        if mark >= Mark::Switched {
            self.layout.link(NEW).expect("switched");
        }
        if mark > Mark::Switched {
            record.append(Line::of(&self.change, mark)).expect("synced");
        }
    }

    fn run(&self) -> Result<Ended> {
        let log = self.heard.log();
        let target = Target::of(&self.change, &Default::default(), fixture::env(), &log)?;
        run(&target)
    }

    fn hooks(&self) -> String {
        std::fs::read_to_string(&self.hooks)
            .unwrap_or_default()
            .replace('\n', " ")
            .replace(OLD, "old")
            .replace(NEW, "new")
    }

    fn state(&self) -> (Option<String>, Option<Mark>) {
        let state = crate::release::record::look(&self.layout).expect("a whole record");
        let linked = self.layout.linked().expect("ours");
        (linked, state.mark_of(self.change.generation))
    }

    fn is_back(&self) {
        assert_eq!(self.state(), (Some(OLD.to_owned()), Some(Mark::Reverted)), "{}", self.heard.text());
    }
}

const WHOLE: &str = "drain old stop old start old undrain old ";

#[test]
fn each_mark_has_its_course() {
    let (_dir, layout) = layout();
    let change = from_old(fixture::change(&layout));
    let line = |generation: u64, mark: Mark| Line { generation, ..Line::of(&change, mark) };
    let at = |generation: u64, mark: Mark| State { seen: generation, last: Some(line(generation, mark)) };
    let (old, new) = (Some(OLD), Some(NEW));
    let rows = [
        (at(7, Mark::Committed), new, Course::Keep),
        (at(7, Mark::Reverted), old, Course::Done),
        (at(7, Mark::Drained), old, Course::Undrain),
        (at(7, Mark::Touched), old, Course::Undrain),
        (at(7, Mark::Stopping), old, Course::Restart),
        (at(7, Mark::Switching), old, Course::Whole),
        (at(7, Mark::Switched), new, Course::Whole),
        (at(7, Mark::Returning), old, Course::Whole),
        (at(7, Mark::Stuck), old, Course::Whole),
        (at(6, Mark::Committed), new, Course::Whole),
        (at(6, Mark::Committed), old, Course::Settle),
        (at(6, Mark::Reverted), old, Course::Settle),
        (at(6, Mark::Switched), old, Course::Whole),
        (at(6, Mark::Drained), old, Course::Whole),
        (at(6, Mark::Stuck), old, Course::Whole),
        (State::default(), old, Course::Settle),
        (State::default(), None, Course::Whole),
    ];
    for (state, linked, expected) in rows {
        let found = course(&state, &change, linked).expect("not stale");
        assert_eq!(found, expected, "{:?} {linked:?}", state.last);
    }
    assert!(matches!(course(&at(8, Mark::Committed), &change, new), Err(Error::Stale { asked: 7, seen: 8 })));
}

#[test]
fn the_way_back_works_from_each_state_of_the_record() {
    let rows = [
        (Mark::Touched, "undrain old "),
        (Mark::Stopping, "start old undrain old "),
        (Mark::Switching, WHOLE),
        (Mark::Switched, WHOLE),
        (Mark::Returning, WHOLE),
        (Mark::Stuck, WHOLE),
    ];
    for (mark, hooks) in rows {
        let scene = Scene::new();
        scene.interrupted_after(mark);
        assert_eq!(scene.heard.expect(scene.run()), Ended::Back, "{mark:?}");
        scene.is_back();
        assert_eq!(scene.hooks(), hooks, "{mark:?}");
        assert_eq!(scene.run().expect("again"), Ended::Back, "{mark:?}");
        assert_eq!(scene.hooks(), hooks, "{mark:?}: a second call does nothing");
    }
}

#[test]
fn a_committed_change_is_left_alone() {
    let scene = Scene::new();
    scene.interrupted_after(Mark::Committed);
    assert_eq!(scene.run().expect("nothing to do"), Ended::Kept);
    assert_eq!((scene.state().0.as_deref(), scene.hooks().as_str()), (Some(NEW), ""));
}

#[test]
fn a_revert_takes_a_committed_release_back_under_a_higher_generation() {
    let mut scene = Scene::new();
    scene.interrupted_after(Mark::Committed);
    scene.change.generation += 1;
    assert_eq!(scene.heard.expect(scene.run()), Ended::Back);
    scene.is_back();
    assert_eq!(scene.hooks(), WHOLE);
}

#[test]
fn a_revert_of_what_went_back_by_itself_only_asks() {
    let mut scene = Scene::new();
    scene.interrupted_after(Mark::Switched);
    scene.run().expect("back");
    scene.change.generation += 1;
    let before = scene.hooks();
    assert_eq!(scene.heard.expect(scene.run()), Ended::Back);
    scene.is_back();
    assert_eq!(scene.hooks(), before);
}

#[test]
fn a_lower_generation_has_no_effect() {
    let mut scene = Scene::new();
    scene.interrupted_after(Mark::Switched);
    scene.change.generation -= 1;
    assert!(matches!(scene.run(), Err(Error::Stale { .. })));
    assert_eq!((scene.state().0.as_deref(), scene.hooks().as_str()), (Some(NEW), ""));
}

#[test]
fn where_nothing_was_installed_current_goes_away() {
    let mut scene = Scene::new();
    scene.change.way_back = WayBack::Absent;
    scene.interrupted_after(Mark::Switched);
    assert_eq!(scene.heard.expect(scene.run()), Ended::Back);
    assert_eq!(scene.state(), (None, Some(Mark::Reverted)));
    assert_eq!(scene.hooks(), "drain stop ");
}

#[test]
fn a_broken_stop_of_the_new_release_is_answered_with_the_old_one() {
    let scene = Scene::new();
    let mut broken = Manifest::read(&scene.layout, NEW).expect("read").expect("there");
    broken.spec.hooks.insert(Hook::Stop, fixture::hook("echo cannot stop; exit 9"));
    broken.write(&scene.layout).expect("written");
    scene.interrupted_after(Mark::Switched);
    assert_eq!(scene.heard.expect(scene.run()), Ended::Back);
    assert_eq!(scene.hooks(), WHOLE);
    assert!(scene.heard.text().contains("cannot stop\nhook stop exited 9; going on\n"), "{}", scene.heard.text());
}

#[test]
fn a_way_back_that_fails_leaves_the_target_stuck_and_drained_and_may_be_tried_again() {
    let scene = Scene::new();
    let mut old = Manifest::read(&scene.layout, OLD).expect("read").expect("there");
    let whole = old.clone();
    old.spec.hooks.insert(Hook::Start, fixture::hook("exit 1"));
    old.write(&scene.layout).expect("written");
    scene.interrupted_after(Mark::Switched);
    assert!(matches!(scene.run(), Err(Error::Hook { hook: "start", .. })));
    assert_eq!(scene.state(), (Some(OLD.to_owned()), Some(Mark::Stuck)));
    assert!(!scene.hooks().contains("undrain"), "{}", scene.hooks());
    whole.write(&scene.layout).expect("mended");
    assert_eq!(scene.heard.expect(scene.run()), Ended::Back);
    scene.is_back();
}

#[test]
fn a_way_back_whose_files_changed_is_not_taken() {
    let scene = Scene::new();
    std::fs::write(scene.layout.release(OLD).join("bin/shop"), "altered").expect("altered");
    scene.interrupted_after(Mark::Switched);
    assert!(matches!(scene.run(), Err(Error::NotWhole { .. })));
    assert_eq!(scene.state(), (Some(NEW.to_owned()), Some(Mark::Stuck)));
    assert_eq!(scene.hooks(), "");
}

#[test]
fn an_agent_that_starts_finds_what_was_interrupted_and_takes_it_back() {
    for mark in [Mark::Touched, Mark::Stopping, Mark::Switching, Mark::Switched, Mark::Returning] {
        let scene = Scene::new();
        let known = Change { generation: 1, ..scene.change.clone() };
        scene.interrupted_after(mark);
        assert_eq!(recover::interrupted(&scene.layout).expect("read").as_ref(), Some(&scene.change));
        let ended = recover::recover(&known, &Default::default()).expect("back");
        assert_eq!(ended, Some(Ended::Back), "{mark:?}");
        scene.is_back();
        assert_eq!(recover::recover(&known, &Default::default()).expect("nothing left"), None);
        let log = std::fs::read_to_string(scene.layout.own("way-back.log")).expect("a log");
        assert!(log.contains(&format!("reverted, {OLD} is back")), "{log}");
    }
}

#[test]
fn nothing_is_interrupted_after_an_end() {
    for mark in [Mark::Committed, Mark::Reverted, Mark::Stuck] {
        let scene = Scene::new();
        scene.interrupted_after(mark);
        assert_eq!(recover::interrupted(&scene.layout).expect("read"), None, "{mark:?}");
        drop(scene.dir);
    }
}

#[test]
fn what_the_lane_does_not_want_stays_out_of_traffic_on_every_course() {
    let rows = [
        (Mark::Drained, ""),
        (Mark::Touched, ""),
        (Mark::Stopping, "start old "),
        (Mark::Switched, "drain old stop old start old "),
    ];
    for (mark, hooks) in rows {
        let mut scene = Scene::new();
        scene.change.stays_drained = true;
        match mark {
            Mark::Drained => TargetRecord::open(&scene.layout)
                .and_then(|mut record| record.append(Line::of(&scene.change, mark)))
                .expect("synced"),
            _ => scene.interrupted_after(mark),
        }
        assert_eq!(scene.run().expect("it is back"), Ended::Back, "{mark:?}");
        assert_eq!(scene.state(), (Some(OLD.to_owned()), Some(Mark::Drained)), "{mark:?}");
        // The new release is what is stopped where it was switched to.
        let ran = scene.hooks().replace("drain new stop new", "drain old stop old");
        assert_eq!(ran, hooks, "{mark:?}");
        assert_eq!(scene.run().expect("again"), Ended::Back, "{mark:?}");
        assert_eq!(scene.hooks().len(), ran.len(), "a second call does nothing");
    }
}
