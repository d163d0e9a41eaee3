//! The state diagram of an attempt, as it stands in `attempt::state`: one row per arrow.

use std::collections::BTreeSet;

use super::harness::{World, accepted, held, key};
use crate::agent::view;
use crate::attempt::AttemptPhase;
use crate::attempt::line::{LineBody, LogEnd};
use crate::input::{Input, LogSeal};
use crate::model::{AgentId, Digest, Duration, Fence, NotStarted, Outcome, RunId};

/// From, arrow, to. Of an `unknown` outcome nothing follows by itself here.
const ARROWS: &[(&str, &str, &str)] = &[
    ("ready", "placed", "placed"),
    ("ready", "cancel", "ended(cancelled)"),
    ("placed", "Accepted", "accepted"),
    ("placed", "Ended(not_started)", "ended(not_started), closed"),
    ("placed", "Ended(cancelled)", "ended(cancelled), closed"),
    ("placed", "silent for lost_after", "ended(unknown)"),
    ("placed", "evidence lost", "ended(unknown), closed"),
    ("placed", "cancel", "placed, stopping"),
    ("accepted", "Started", "running"),
    ("accepted", "Ended(not_started)", "ended(not_started), closed"),
    ("accepted", "Ended(cancelled)", "ended(cancelled), closed"),
    ("accepted", "silent for lost_after", "ended(unknown)"),
    ("accepted", "evidence lost", "ended(unknown), closed"),
    ("accepted", "cancel", "accepted, stopping"),
    ("running", "Ended", "ended(succeeded)"),
    ("running", "silent for lost_after", "ended(unknown)"),
    ("running", "evidence lost", "ended(unknown), closed"),
    ("running", "cancel", "running, stopping"),
    ("running", "Stuck", "running, stuck"),
    ("ended", "all logs sealed", "ended(succeeded), closed"),
    ("ended(unknown)", "truth", "ended(succeeded)"),
    ("ended(unknown)", "settlement", "ended(unknown), stopping"),
];

const HOLD: &str = "jobs:\n  build: {run: make, on-unknown: hold}\n";

struct Story {
    world: World,
    agent: AgentId,
    run: RunId,
}

impl Story {
    fn at(state: &str) -> Self {
        let mut world = World::new();
        let agent = world.enrol(1, &[]);
        let run = world.run(HOLD);
        let mut story = Self { world, agent, run };
        let way: &[&str] = match state {
            "ready" => &[],
            "placed" => &["placed"],
            "accepted" => &["placed", "Accepted"],
            "running" => &["placed", "Accepted", "Started"],
            "ended" => &["placed", "Accepted", "Started", "Ended"],
            "ended(unknown)" => &["placed", "Accepted", "Started", "silent for lost_after"],
            other => panic!("no state is called {other}"),
        };
        way.iter().for_each(|arrow| story.follow(arrow));
        story
    }

    fn follow(&mut self, arrow: &str) {
        let (agent, run) = (self.agent, self.run.clone());
        match arrow {
            "placed" => _ = self.world.hello(agent, 5, Vec::new()),
            "cancel" => {
                let (by, why) = ("anna".to_owned(), "wrong branch".to_owned());
                self.world.input(Input::CancelRun { run, jobs: Vec::new(), by, why, force: false });
            }
            "Accepted" => self.says(accepted(self.fence(), self.world.envelope(self.fence()))),
            "Started" => self.says(LineBody::Go),
            "Stuck" => self.says(LineBody::Stuck { survivors: 2, at: "build.slice".to_owned() }),
            "Ended(not_started)" => {
                let reason = NotStarted::SetupFailed("no user ci1".to_owned());
                self.says(LineBody::Void { outcome: Outcome::NotStarted { reason } });
            }
            "Ended(cancelled)" => self.says(LineBody::Void { outcome: Outcome::Cancelled }),
            "Ended" => self.says(self.end()),
            "all logs sealed" => self.seal(),
            "silent for lost_after" => {
                self.world.input(Input::SessionEnded { agent, session: 1 });
                self.world.step(Duration::from_secs(599));
                assert!(!self.state().contains("unknown"), "not before");
                self.world.step(Duration::from_secs(1));
            }
            "evidence lost" => _ = self.world.hello(agent, 1, Vec::new()),
            "truth" => {
                self.world.hello(agent, 6, vec![held(self.fence(), 2)]);
                self.says(self.end());
            }
            "settlement" => {
                let (by, reason) = ("mara".to_owned(), "I looked".to_owned());
                let verdict = crate::model::Verdict::Failed;
                self.world.input(Input::Settle { run, job: key("build"), verdict, by, reason });
            }
            other => panic!("no arrow is called {other}"),
        }
    }

    fn says(&mut self, body: LineBody) {
        let (_, attempt) = self.world.state.attempt(self.fence()).expect("it is open");
        let next = attempt.acked + 1;
        self.world.report(self.fence(), next, body);
    }

    fn end(&self) -> LineBody {
        let steps = self.world.envelope(self.fence()).steps.len();
        let end = LogEnd { total: 1, digest: Some(Digest::of(b"x")) };
        LineBody::Exit { outcome: Outcome::Succeeded, logs: vec![Some(end); steps], cancel_too_late: false }
    }

    fn seal(&mut self) {
        let (fence, digest) = (self.fence(), Digest::of(b"x"));
        for step in (1..).take(self.world.envelope(fence).steps.len()) {
            self.world.input(Input::LogSealed(LogSeal { fence, step, total: 1, digest, gaps: 0, damaged: false }));
        }
    }

    fn fence(&self) -> Fence {
        self.world.fence(&self.run, "build")
    }

    /// Where the attempt is, in the words of the diagram.
    fn state(&self) -> String {
        let job = self.world.find(&self.run).job(&key("build")).expect("build");
        let ended = |outcome: &Outcome| format!("ended({})", outcome.word());
        let Some(attempt) = job.attempt() else { return job.outcome().map_or_else(|| "ready".to_owned(), ended) };
        let mut text = match &attempt.phase {
            AttemptPhase::Placed => "placed".to_owned(),
            AttemptPhase::Accepted => "accepted".to_owned(),
            AttemptPhase::Running => "running".to_owned(),
            AttemptPhase::Ended(outcome) => ended(outcome),
        };
        let stopping = job.cancel.is_some() && attempt.outcome().is_none() || attempt.is_leftover();
        for (mark, is_set) in [("stopping", stopping), ("stuck", attempt.stuck.is_some()), ("closed", attempt.closed)] {
            if is_set {
                text = format!("{text}, {mark}");
            }
        }
        text
    }
}

#[test]
fn every_arrow_leads_where_the_diagram_says() {
    for (from, arrow, to) in ARROWS {
        let mut story = Story::at(from);
        assert_eq!(story.state(), if *from == "ended" { "ended(succeeded)" } else { *from }, "before {arrow}");
        story.follow(arrow);
        assert_eq!(story.state(), *to, "{from} ─{arrow}▶");
        story.world.assert_replays();
    }
}

#[test]
fn only_what_is_closed_is_to_be_forgotten() {
    let mut story = Story::at("ended");
    let held = BTreeSet::from([story.fence()]);
    assert!(view(&story.world.state, story.agent, &held).forget.is_empty());
    story.follow("all logs sealed");
    assert_eq!(view(&story.world.state, story.agent, &held).forget, held);
}
