//! What people and tools ask the master for.

use windlass_core::agent::Standing;
use windlass_core::input::AgentVerb;
use windlass_core::job::JobState;
use windlass_core::model::{JobKey, RunId, Verdict};
use windlass_core::{Answer, Input};

use super::event::{Event, HostId};
use super::host::SECOND;
use super::people::{Wish, project};
use super::world::World;

impl World {
    pub(super) fn ask_run(&mut self, number: usize) {
        let Some(wish) = self.wishes.get(number).cloned() else { return };
        let mut answer = None;
        self.with_master(|master, model| {
            answer = master.turn(vec![wish.input()], model).and_then(|answers| answers.into_iter().next())
        });
        let lost = self.rng.per_mille(80);
        match answer.as_ref().and_then(Wish::run) {
            Some(run) if !lost => self.model.run_made(&wish.key, &run),
            Some(_) | None => {
                if let Some(Answer::Refused(why)) = answer {
                    self.model.complain(format!("a run is refused: {why}"));
                }
                let wait = self.rng.between(SECOND, 5 * SECOND);
                self.after(wait, Event::AskRun(number));
            }
        }
    }

    pub(super) fn ask_cancel(&mut self, number: usize, force: bool) {
        let Some(run) = self.wishes.get(number).and_then(|wish| self.model.runs.get(&wish.key)).cloned() else {
            return;
        };
        let input = Input::CancelRun { run, jobs: Vec::new(), by: "mara".to_owned(), why: "wrong".to_owned(), force };
        self.with_master(|master, model| _ = master.turn(vec![input], model));
    }

    /// Each held job is settled with an even chance, and looked at again later.
    pub(super) fn ask_settle(&mut self) {
        let wait = self.rng.between(5 * SECOND, 60 * SECOND);
        self.after(wait, Event::AskSettle);
        let Some(master) = &self.master else { return };
        let held: Vec<(RunId, JobKey)> = master
            .state
            .runs
            .values()
            .flat_map(|run| run.jobs.iter().map(move |job| (run, job)))
            .filter(|(_, job)| job.state == JobState::Held)
            .map(|(run, job)| (run.id.clone(), job.plan.key.clone()))
            .collect();
        for (run, job) in held {
            if self.rng.per_mille(500) {
                let verdict = [Verdict::Again, Verdict::Succeeded, Verdict::Failed][self.rng.index(3)];
                let (by, reason) = ("mara".to_owned(), "looked at the host".to_owned());
                let input = Input::Settle { run, job, verdict, by, reason };
                self.with_master(|master, model| _ = master.turn(vec![input], model));
            }
        }
    }

    pub(super) fn ask_pause(&mut self, host: HostId, on: bool) {
        let verb = if on { AgentVerb::Pause } else { AgentVerb::Resume };
        self.ask_agent(host, verb);
    }

    /// Nobody vouches for an agent while there are two of it.
    pub(super) fn ask_readmit(&mut self, host: HostId) {
        let Some(agent) = self.machines.get(host).map(|machine| machine.agent) else { return };
        let twice = self.machines.iter().filter(|machine| machine.agent == agent && !machine.retired).count() > 1;
        let stands = self.master.as_ref().and_then(|master| master.state.agents.get(&agent));
        let quarantined = stands.is_some_and(|agent| matches!(agent.standing, Standing::Quarantined { .. }));
        if self.model.is_doubtful(agent) {
            let wait = self.rng.between(10 * SECOND, 40 * SECOND);
            self.after(wait, Event::AskReadmit(host));
        }
        if quarantined && !twice {
            self.ask_agent(host, AgentVerb::Readmit);
        }
    }

    /// Everything that was restored may go on.
    pub(super) fn ask_start(&mut self) {
        let stopped = |master: &super::master::Master| {
            master.state.projects.get(&project()).is_some_and(|project| project.stopped.is_some())
        };
        if self.master.as_ref().is_none_or(stopped) {
            let (by, reason) = ("mara".to_owned(), "all are back".to_owned());
            let input = Input::StartProject { project: project(), by, reason };
            self.with_master(|master, model| _ = master.turn(vec![input], model));
            self.after(10 * SECOND, Event::AskStart);
        }
    }

    fn ask_agent(&mut self, host: HostId, verb: AgentVerb) {
        let Some(agent) = self.machines.get(host).map(|machine| machine.agent) else { return };
        let input = Input::Agent { agent, verb, by: "mara".to_owned(), reason: "I know why".to_owned() };
        self.with_master(|master, model| _ = master.turn(vec![input], model));
    }
}
