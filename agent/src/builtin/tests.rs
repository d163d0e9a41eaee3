use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use tempfile::TempDir;
use windlass_core::model::{Change, Fence, Hook, Probe, WayBack};

use super::*;
use crate::release::fixture::{self, Heard, NEW, OLD, from_old, install, layout};
use crate::release::layout::Layout;
use crate::release::manifest::Manifest;
use crate::release::record::{Mark, look};

/// A target, an agent that serves one artifact, and a step's context.
struct Scene {
    dir: TempDir,
    layout: Layout,
    change: Change,
    context: Context,
    heard: Heard,
    hooks: PathBuf,
}

impl Scene {
    /// [`NEW`] is still to be prepared; [`OLD`] serves.
    fn new() -> Self {
        let (dir, layout) = layout();
        let hooks = dir.path().join("hooks");
        let mut change = from_old(fixture::change(&layout));
        fixture::telling_hooks(&mut change.spec, &hooks);
        install(&dir, &layout, change.clone(), OLD, true);
        let artifact = fixture::artifact(&dir, &mut change, &fixture::tar_of(&[("bin/shop", "new")]));
        let heard = Heard::default();
        let context = Context {
            socket: dir.path().join("agent.sock"),
            attempt_dir: dir.path().to_owned(),
            workspace: dir.path().to_owned(),
            fence: Fence(42),
            services: Default::default(),
            env: fixture::env(),
            log: heard.log(),
        };
        serve_artifact(&context, artifact);
        Self { dir, layout, change, context, heard, hooks }
    }

    fn first() -> Self {
        let mut scene = Self::new();
        scene.layout.unlink().expect("never installed");
        scene.change.way_back = WayBack::Absent;
        scene
    }

    /// The steps of a change job: each after a success, the way back always.
    fn change_job(&self) -> Result<(), Failure> {
        let (change, context) = (&self.change, &self.context);
        let changed = switch::run(change, context)
            .and_then(|()| check::run(change, context))
            .and_then(|()| commit::run(change, context));
        way_back::run(change, context)?;
        changed
    }

    fn hooks(&self) -> String {
        std::fs::read_to_string(&self.hooks)
            .unwrap_or_default()
            .replace('\n', " ")
            .replace(OLD, "old")
            .replace(NEW, "new")
    }

    fn stands(&self, linked: Option<&str>, mark: Option<Mark>) {
        let state = look(&self.layout).expect("a whole record");
        assert_eq!(self.layout.linked().expect("ours").as_deref(), linked, "{}", self.heard.text());
        assert_eq!(state.mark_of(self.change.generation), mark, "{}", self.heard.text());
    }
}

/// Answers as the agent does; the thread ends with the test.
fn serve_artifact(context: &Context, artifact: PathBuf) {
    let listener = UnixListener::bind(&context.socket).expect("a new socket");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).expect("a question");
            let asked: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            let answer = match asked["ask"].as_str() {
                Some("fetch") => serde_json::json!({ "ok": { "path": artifact } }),
                Some("observe") => serde_json::json!({ "ok": {} }),
                _ => serde_json::json!({ "error": { "text": "what?", "may_pass": false } }),
            };
            stream.write_all(format!("{answer}\n").as_bytes()).expect("heard");
        }
    });
}

#[test]
fn prepare_and_change_bring_a_release_into_service() {
    let scene = Scene::new();
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    scene.stands(Some(OLD), None);
    assert_eq!(scene.hooks(), "preflight new ");
    scene.heard.expect(scene.change_job());
    scene.stands(Some(NEW), Some(Mark::Committed));
    assert_eq!(scene.hooks(), "preflight new drain new stop new start new undrain new ");
    let release = scene.layout.release(NEW);
    assert_eq!(std::fs::read_to_string(release.join("WINDLASS_RELEASE")).expect("named"), format!("{NEW}\n"));
    assert_eq!(std::fs::read_to_string(release.join("windlass.env")).expect("set"), "LOG_LEVEL=\"info\"\n");
    assert!(scene.heard.text().contains("committed: the target keeps the release"), "{}", scene.heard.text());
}

#[test]
fn prepare_may_be_repeated_and_mends_what_a_crash_left() {
    let scene = Scene::new();
    std::fs::create_dir_all(scene.layout.partial(NEW).join("half")).expect("left behind");
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    assert!(scene.heard.text().contains(&format!("{NEW} is here already")));
    assert!(!scene.layout.partial(NEW).exists());
}

#[test]
fn a_first_release_that_fails_its_check_leaves_nothing_in_place() {
    let mut scene = Scene::first();
    scene.change.spec.gates = [("up".to_owned(), fixture::fast_gate(Probe::Command(vec!["false".to_owned()])))].into();
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    let failure = scene.change_job().expect_err("the gate never passes");
    assert!(matches!(&failure, Failure::Failed(text) if text.contains("gate up: exited 1")), "{failure}");
    scene.stands(None, Some(Mark::Reverted));
}

#[test]
fn a_release_that_fails_its_check_goes_back_to_the_one_before() {
    let mut scene = Scene::new();
    scene.change.spec.gates = [("up".to_owned(), fixture::fast_gate(Probe::Command(vec!["false".to_owned()])))].into();
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    scene.change_job().expect_err("the gate never passes");
    scene.stands(Some(OLD), Some(Mark::Reverted));
    assert!(scene.heard.text().contains(&format!("way back to {OLD}\n")), "{}", scene.heard.text());
    assert!(scene.hooks().ends_with("drain old stop old start old undrain old "), "{}", scene.hooks());
}

#[test]
fn a_drain_that_fails_leaves_the_release_before_running() {
    let scene = Scene::new();
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    let mut old = Manifest::read(&scene.layout, OLD).expect("read").expect("there");
    old.spec.hooks.insert(Hook::Drain, fixture::hook("exit 4"));
    old.write(&scene.layout).expect("written");
    let failure = scene.change_job().expect_err("it cannot be drained");
    assert_eq!(failure, Failure::Failed("hook drain exited 4".to_owned()));
    scene.stands(Some(OLD), Some(Mark::Reverted));
    assert_eq!(scene.hooks(), "preflight new undrain old ");
}

#[test]
fn a_broken_stop_holds_up_no_change() {
    let scene = Scene::new();
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    let mut old = Manifest::read(&scene.layout, OLD).expect("read").expect("there");
    old.spec.hooks.insert(Hook::Stop, fixture::hook("exit 4"));
    old.write(&scene.layout).expect("written");
    scene.heard.expect(scene.change_job());
    scene.stands(Some(NEW), Some(Mark::Committed));
}

#[test]
fn nothing_with_a_lower_generation_than_a_target_has_seen_has_an_effect() {
    let mut scene = Scene::new();
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    scene.heard.expect(scene.change_job());
    let before = scene.hooks();
    scene.change.generation -= 1;
    scene.change.way_back = WayBack::Release(NEW.to_owned());
    for step in [prepare::run, switch::run, commit::run, way_back::run] {
        let failure = step(&scene.change, &scene.context).expect_err("it is too late");
        assert!(
            matches!(&failure, Failure::Failed(text) if text.contains("generation 6 is older than 7")),
            "{failure}"
        );
    }
    assert_eq!((scene.layout.linked().expect("ours").as_deref(), scene.hooks()), (Some(NEW), before));
}

#[test]
fn prepare_refuses_what_does_not_fit_and_touches_nothing() {
    type Spoil = fn(&mut Scene);
    let rows: [(&str, &str, Spoil); 8] = [
        ("another artifact", "has digest", |s| s.change.artifact = windlass_core::model::Digest::of(b"other")),
        ("a way back that is not here", "not whole", |s| {
            s.change.way_back = WayBack::Release("r9-00000009".to_owned())
        }),
        ("an altered way back", "not whole", |s| {
            std::fs::write(s.layout.release(OLD).join("bin/shop"), "altered").expect("altered");
        }),
        ("a plan that knows of nothing", "current points to", |s| s.change.way_back = WayBack::Absent),
        ("a failing preflight", "hook preflight exited 1", |s| {
            s.change.spec.hooks.insert(Hook::Preflight, fixture::hook("exit 1"));
        }),
        ("a running release whose gate fails", "check failed", |s| {
            let mut old = Manifest::read(&s.layout, OLD).expect("read").expect("there");
            let gate = fixture::fast_gate(Probe::Command(vec!["false".to_owned()]));
            old.spec.gates.insert("up".to_owned(), gate);
            old.write(&s.layout).expect("written");
        }),
        ("a volume that is too small", "bytes free", |s| s.change.artifact_bytes = u64::MAX / 8),
        ("a gate over https", "not supported", |s| {
            s.change.spec.identity = Probe::Http("https://127.0.0.1/".to_owned())
        }),
    ];
    for (name, why, spoil) in rows {
        let mut scene = Scene::new();
        spoil(&mut scene);
        let failure = prepare::run(&scene.change, &scene.context).expect_err(name);
        assert!(failure.to_string().contains(why), "{name}: {failure}");
        scene.stands(Some(OLD), None);
        drop(scene.dir);
    }
}

#[test]
fn old_releases_go_when_a_change_is_committed_and_the_way_back_stays() {
    let mut scene = Scene::new();
    scene.change.spec.keep = 1;
    for number in 3..6 {
        let name = format!("r{number}-0000000{number}");
        install(&scene.dir, &scene.layout, fixture::change(&scene.layout), &name, false);
    }
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    scene.heard.expect(scene.change_job());
    assert_eq!(scene.layout.names().expect("read"), [OLD, NEW, "r5-00000005"]);
}

#[test]
fn a_change_needs_no_agent_once_it_is_prepared() {
    let mut scene = Scene::new();
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    scene.context.socket = scene.dir.path().join("gone.sock");
    scene.heard.expect(scene.change_job());
    scene.stands(Some(NEW), Some(Mark::Committed));
    let failure = ask::ask_fetch(&scene.context, scene.change.artifact).expect_err("nobody answers");
    assert_eq!((failure.code(), matches!(failure, Failure::MayPass(_))), (75, true));
}

#[test]
fn a_hook_is_told_what_it_needs_and_runs_in_the_linked_release() {
    let mut scene = Scene::new();
    let local = crate::release::LocalService { root: None, http: Some("127.0.0.1:40173".to_owned()) };
    scene.context.services.insert(scene.change.service.clone(), local);
    scene.context.env.insert("WINDLASS_FENCE".into(), "42".into());
    let told = scene.dir.path().join("told");
    let script = format!("(env | grep ^WINDLASS_ | sort; pwd) > '{}'", told.display());
    scene.change.spec.hooks.insert(Hook::Start, fixture::hook(&script));
    scene.heard.expect(prepare::run(&scene.change, &scene.context));
    scene.heard.expect(scene.change_job());
    let root = scene.layout.root().display();
    let expected = format!(
        "WINDLASS_DEPLOYMENT=shop/production#3\nWINDLASS_FENCE=42\nWINDLASS_FROM={OLD}\nWINDLASS_GENERATION=7\n\
         WINDLASS_HTTP=127.0.0.1:40173\nWINDLASS_RELEASE={NEW}\nWINDLASS_RELEASE_DIR={root}/releases/{NEW}\n\
         WINDLASS_ROOT={root}\nWINDLASS_SERVICE=shop\nWINDLASS_TARGET=web1\n{root}/releases/{NEW}\n"
    );
    assert_eq!(std::fs::read_to_string(told).expect("it ran"), expected);
}
