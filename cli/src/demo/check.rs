//! Comparing what was stored with what was promised: logs with their digests, targets with the release they must answer with.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use windlass_core::model::Digest;
use windlass_proto::api::{HEADER_DIGEST, JobDetail, Run};

use super::stage::Stage;
use crate::client::Client;
use crate::error::Result;

/// A service that does not answer within this does not answer.
const ANSWER: Duration = Duration::from_secs(2);

/// What was found about all logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Logs {
    /// Logs of steps.
    pub logs: u64,
    /// Bytes stored.
    pub bytes: u64,
    /// Lines stored.
    pub lines: u64,
    /// Places where bytes are missing.
    pub gaps: u64,
    /// Logs whose bytes have the digest that the host named.
    pub digests_equal: u64,
}

impl Logs {
    /// True if nothing is missing and nothing differs.
    pub fn are_whole(&self) -> bool {
        self.gaps == 0 && self.digests_equal == self.logs && self.logs > 0
    }

    /// Reads every log of a run and compares it.
    pub fn add(&mut self, client: &Client, run: &Run) -> Result<()> {
        for job in run.jobs.iter().filter(|job| job.attempt > 0) {
            let key = job.key.replace('/', "~");
            let detail: JobDetail = client.get(&format!("/runs/{}/jobs/{key}", run.id), &[])?;
            for attempt in &detail.attempts {
                for step in &attempt.steps {
                    let Some(log) = &step.log else { continue };
                    let path = format!("/runs/{}/jobs/{key}/steps/{}/log", run.id, step.number);
                    let mut answer = client.stream(&path, &[("attempt", Some(attempt.number.to_string()))], None)?;
                    let named = answer.header(HEADER_DIGEST).map(str::to_owned);
                    let bytes = answer.read_to_end()?;
                    let digest = format!("blake3:{}", Digest::of(&bytes));
                    self.logs += 1;
                    self.bytes += bytes.len() as u64;
                    self.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
                    self.gaps += u64::from(log.gaps);
                    let is_equal = !log.damaged && digest == log.digest && named.as_ref() == Some(&digest);
                    self.digests_equal += u64::from(is_equal);
                }
            }
        }
        Ok(())
    }
}

/// What the running process of each target names when it is asked for its release; none: it does not answer.
pub fn releases(stage: &Stage) -> BTreeMap<&'static str, Option<String>> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(ANSWER)).proxy(None).build().into();
    let ask = |address: &str| {
        let mut answer = agent.get(format!("http://{address}/release")).call().ok()?;
        answer.body_mut().read_to_string().ok().map(|text| text.trim().to_owned())
    };
    stage.services.iter().map(|(name, address)| (*name, ask(address))).collect()
}
