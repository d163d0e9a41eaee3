//! What the master believes of an attempt.
//!
//! ```text
//! placed ─Accepted▶ accepted ─Started▶ running ─Ended▶ ended(outcome) ─all logs sealed▶ closed ▶ forget
//!    └─────────────────┴─Ended(not_started, cancelled)▶ ended
//! any of the three ─silent for lost_after, or evidence lost▶ ended(unknown) ─its end arrives, not settled▶ ended(truth)
//!                                                             ├─settled▶ settled ─its end arrives▶ settled, and the end is kept as late
//! any of the four ─its agent does not hold it any more▶ ended(unknown, or as it was) ─the master ends its logs▶ closed
//! ```
//! `stuck` is a mark on the middle ones. An outcome never changes, except `unknown` into the truth, once, before a settlement.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::line::{Line, LineBody, LogEnd};
use crate::input::LogSeal;
use crate::model::{AgentId, Attempt, Envelope, Fence, Outcome, Settlement, Step, StepOutcome, UnixMs, UnknownReason};
use crate::secret::Grant;

/// An attempt of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptState {
    /// Which try.
    pub number: Attempt,
    /// Its only name.
    pub fence: Fence,
    /// Who carries it out.
    pub agent: AgentId,
    /// What it carries out.
    pub envelope: Arc<Envelope>,
    /// Where it is.
    pub phase: AttemptPhase,
    /// The highest acknowledged line of its record.
    pub acked: u32,
    /// Processes survived KILL; how many and where.
    pub stuck: Option<String>,
    /// The steps, in order.
    pub steps: Vec<StepState>,
    /// The secrets that its agent gets with it.
    #[serde(default)]
    pub secrets: Vec<Grant>,
    /// Why this agent, for people.
    pub why: String,
    /// When it was placed.
    pub placed: UnixMs,
    /// When GO was reported.
    pub started: Option<UnixMs>,
    /// When its end was believed.
    pub ended: Option<UnixMs>,
    /// Final length of each log, as the record says; none until it ended.
    pub logs: Option<Vec<Option<LogEnd>>>,
    /// Its agent does not hold it: nothing more of it arrives.
    #[serde(default)]
    pub gone: bool,
    /// All logs are sealed and the agent may forget it.
    pub closed: bool,
    /// How it counts although nothing is proven.
    #[serde(default)]
    pub settlement: Option<Settlement>,
    /// The truth, where it arrived after the settlement. It changes nothing any more.
    #[serde(default)]
    pub late: Option<Outcome>,
}

/// Where an attempt is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptPhase {
    /// The agent shall start it; nothing was heard of it yet.
    Placed,
    /// The agent has promised to start it or to say that it did not.
    Accepted,
    /// The first command may have been executed.
    Running,
    /// It is over.
    Ended(Outcome),
}

/// A step of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    /// Its name.
    pub name: String,
    /// When it began.
    pub started: Option<UnixMs>,
    /// When it was over.
    pub ended: Option<UnixMs>,
    /// How it ended.
    pub outcome: Option<StepOutcome>,
    /// What it wrote to `$WINDLASS_OUTPUT`.
    pub outputs: BTreeMap<String, String>,
    /// Its log, once it is whole on the master's disk.
    pub sealed: Option<LogSeal>,
}

impl AttemptState {
    pub(crate) fn new(placed: Placed<'_>, at: UnixMs) -> Self {
        let Placed { number, fence, agent, envelope, why } = placed;
        let steps = envelope.steps.iter().map(StepState::new).collect();
        Self {
            number,
            fence,
            agent,
            envelope: Arc::new(envelope.clone()),
            phase: AttemptPhase::Placed,
            acked: 0,
            stuck: None,
            steps,
            secrets: Vec::new(),
            why: why.to_owned(),
            placed: at,
            started: None,
            ended: None,
            logs: None,
            gone: false,
            closed: false,
            settlement: None,
            late: None,
        }
    }

    /// How it ended, once it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            AttemptPhase::Ended(outcome) => Some(outcome),
            AttemptPhase::Placed | AttemptPhase::Accepted | AttemptPhase::Running => None,
        }
    }

    /// True if nothing is proven of it and nobody has settled it.
    pub fn is_unsettled(&self) -> bool {
        matches!(self.outcome(), Some(Outcome::Unknown { .. })) && self.settlement.is_none()
    }

    /// True if it is settled and the agent may still carry it out: what is left of it is to be stopped.
    pub fn is_leftover(&self) -> bool {
        self.settlement.is_some() && self.logs.is_none() && !self.gone
    }

    /// True when its logs are sealed at the totals that its end names.
    pub fn is_whole(&self) -> bool {
        let Some(logs) = &self.logs else { return false };
        let sealed = |(step, end): (&StepState, &Option<LogEnd>)| match end {
            None => true,
            Some(end) => {
                step.sealed.as_ref().is_some_and(|seal| seal.damaged || end.digest.is_none() || seal.total == end.total)
            }
        };
        self.steps.iter().zip(logs).all(sealed)
    }

    /// Folds one line of the record. The caller has checked that it is the next one.
    pub(crate) fn fold(&mut self, line: &Line, at: UnixMs) {
        self.acked = line.index;
        match &line.body {
            LineBody::Accepted { .. } => self.go_on(AttemptPhase::Accepted),
            LineBody::Go => {
                self.go_on(AttemptPhase::Running);
                self.started = Some(at);
            }
            LineBody::StepStarted { step } => {
                if let Some(step) = self.step_mut(*step) {
                    step.started = Some(at);
                }
            }
            LineBody::StepEnded { step, outcome, outputs } => {
                if let Some(step) = self.step_mut(*step) {
                    step.ended = Some(at);
                    step.outcome = Some(outcome.clone());
                    step.outputs = outputs.clone();
                }
            }
            LineBody::Stuck { survivors, at } => self.stuck = Some(format!("{survivors} processes at {at}")),
            LineBody::Void { outcome } => self.end(outcome.clone(), Vec::new(), at),
            LineBody::Exit { outcome, logs, .. } => self.end(outcome.clone(), logs.clone(), at),
        }
    }

    /// One that was given up stays so until its end is known.
    fn go_on(&mut self, phase: AttemptPhase) {
        if self.outcome().is_none() {
            self.phase = phase;
        }
    }

    /// The master gives it up; a truth that arrives before a settlement replaces this once.
    pub(crate) fn lose(&mut self, reason: UnknownReason, at: UnixMs) {
        assert!(self.outcome().is_none(), "attempt {} has ended, it cannot be lost", self.fence);
        self.phase = AttemptPhase::Ended(Outcome::Unknown { reason });
        self.ended = Some(at);
    }

    /// Nothing more of it arrives; what is known of its end stays.
    pub(crate) fn leave(&mut self, reason: UnknownReason, at: UnixMs) {
        if self.outcome().is_none() {
            self.lose(reason, at);
        }
        self.stuck = None;
        self.gone = true;
    }

    pub(crate) fn seal(&mut self, seal: &LogSeal) {
        if let Some(step) = self.step_mut(seal.step) {
            step.sealed = Some(seal.clone());
        }
    }

    /// How it counts from now on.
    pub(crate) fn settle(&mut self, settlement: &Settlement) {
        assert!(self.is_unsettled(), "attempt {} has no outcome that could be settled", self.fence);
        self.settlement = Some(settlement.clone());
    }

    fn end(&mut self, outcome: Outcome, logs: Vec<Option<LogEnd>>, at: UnixMs) {
        assert!(self.logs.is_none(), "attempt {} ended twice", self.fence);
        self.stuck = None;
        self.logs = Some(logs);
        if self.settlement.is_some() {
            self.late = Some(outcome);
            return;
        }
        assert!(
            matches!(self.outcome(), None | Some(Outcome::Unknown { .. })),
            "attempt {} has a proven outcome",
            self.fence
        );
        self.phase = AttemptPhase::Ended(outcome);
        self.ended = Some(at);
    }

    fn step_mut(&mut self, number: u32) -> Option<&mut StepState> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.steps.get_mut(index)
    }
}

impl StepState {
    fn new(step: &Step) -> Self {
        Self {
            name: step.name.clone(),
            started: None,
            ended: None,
            outcome: None,
            outputs: BTreeMap::new(),
            sealed: None,
        }
    }
}

/// What the fact `JobPlaced` says of an attempt.
pub(crate) struct Placed<'a> {
    pub(crate) number: Attempt,
    pub(crate) fence: Fence,
    pub(crate) agent: AgentId,
    pub(crate) envelope: &'a Envelope,
    pub(crate) why: &'a str,
}
