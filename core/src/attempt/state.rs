//! What the master believes of an attempt.
//!
//! ```text
//! placed ─Accepted▶ accepted ─Started▶ running ─Ended▶ ended(outcome) ─all logs sealed▶ closed ▶ forget
//!    └─────────────────┴─Ended(not_started, cancelled)▶ ended
//! any of the three ─silent for lost_after▶ ended(unknown) ─its end arrives after all▶ ended(truth)
//! any of the four ─its agent does not hold it any more▶ ended(unknown, or as it was) ▶ closed
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::line::{Line, LineBody, LogEnd};
use crate::input::LogSeal;
use crate::model::{AgentId, Attempt, Envelope, Fence, Outcome, Step, StepOutcome, UnixMs, UnknownReason};

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
            why: why.to_owned(),
            placed: at,
            started: None,
            ended: None,
            logs: None,
            gone: false,
            closed: false,
        }
    }

    /// How it ended, once it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            AttemptPhase::Ended(outcome) => Some(outcome),
            AttemptPhase::Placed | AttemptPhase::Accepted | AttemptPhase::Running => None,
        }
    }

    /// True when its logs are sealed at the totals that its end names, or none can arrive any more.
    pub fn is_whole(&self) -> bool {
        if self.gone {
            return true;
        }
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
            LineBody::Accepted { .. } => self.phase = AttemptPhase::Accepted,
            LineBody::Go => {
                self.phase = AttemptPhase::Running;
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

    /// The master gives it up; a later truth replaces this once.
    pub(crate) fn lose(&mut self, reason: UnknownReason, at: UnixMs) {
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

    fn end(&mut self, outcome: Outcome, logs: Vec<Option<LogEnd>>, at: UnixMs) {
        self.phase = AttemptPhase::Ended(outcome);
        self.stuck = None;
        self.ended = Some(at);
        self.logs = Some(logs);
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
