//! Asking identity and gates of a service until the verdict is there. One line for each change of a verdict.

use std::thread;

use windlass_core::deploy::gate::{Gauge, Sample, Verdict, identity_gate};
use windlass_core::model::{Duration, Gate, ServiceSpec};

use super::clock;
use super::error::{Error, Result};
use super::log::Log;
use super::probe::Prober;

/// The name that identity has beside the gates.
const IDENTITY: &str = "identity";

/// How patient a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// After a start: grace, then good for `steady`.
    AfterStart,
    /// Of what runs already: each is good once, and bad samples count from the first.
    OfRunning,
}

/// Checks until all pass or one fails.
pub fn check(spec: &ServiceSpec, release: &str, patience: Patience, prober: Prober<'_>, log: &Log) -> Result<()> {
    let began = clock::boottime();
    let mut asked = Asked::all(spec, patience, began);
    loop {
        let next = asked.iter_mut().min_by_key(|asked| asked.due).expect("identity is always asked");
        thread::sleep(clock::std(Duration::from_ms(next.due.ms().saturating_sub(clock::boottime().ms()))));
        next.sample(release, prober, log);
        let now = clock::boottime();
        for asked in &asked {
            if let Verdict::Fail(why) = asked.gauge.verdict(&asked.gate, now) {
                log.line(format_args!("{} FAILED: {why}", asked.title()));
                return Err(Error::Check(format!("{}: {why}", asked.title())));
            }
        }
        if asked.iter().all(|asked| asked.gauge.verdict(&asked.gate, now) == Verdict::Pass) {
            report_pass(&asked, release, began, log);
            return Ok(());
        }
    }
}

fn report_pass(asked: &[Asked], release: &str, began: Duration, log: &Log) {
    for asked in asked {
        log.line(format_args!("{} passed, {} of {} good", asked.title(), asked.good, asked.samples));
    }
    log.took(&format!("check ({release} answers)"), began);
}

struct Asked {
    name: String,
    gate: Gate,
    gauge: Gauge,
    due: Duration,
    good: u32,
    samples: u32,
    last: Option<Sample>,
}

impl Asked {
    fn all(spec: &ServiceSpec, patience: Patience, began: Duration) -> Vec<Self> {
        let gates = spec.gates.iter().map(|(name, gate)| (name.clone(), gate.clone()));
        let identity = std::iter::once((IDENTITY.to_owned(), identity_gate(spec)));
        identity.chain(gates).map(|(name, gate)| Self::new(name, patience.applied(gate), began)).collect()
    }

    fn new(name: String, gate: Gate, began: Duration) -> Self {
        Self { name, gate, gauge: Gauge::new(began), due: began, good: 0, samples: 0, last: None }
    }

    fn title(&self) -> String {
        if self.name == IDENTITY { IDENTITY.to_owned() } else { format!("gate {}", self.name) }
    }

    fn sample(&mut self, release: &str, prober: Prober<'_>, log: &Log) {
        let at = clock::boottime();
        let sample = if self.name == IDENTITY {
            prober.identity(&self.gate.probe, self.gate.timeout, release).1
        } else {
            prober.gate(&self.gate.probe, self.gate.timeout)
        };
        self.samples += 1;
        self.good += u32::from(sample == Sample::Good);
        self.gauge.fold(&self.gate, at, &sample);
        self.due = Duration::from_ms(at.ms().saturating_add(self.gate.every.ms().max(1)));
        if self.last.as_ref() != Some(&sample) {
            log.line(format_args!("{} {}", self.title(), text_of(&sample)));
            self.last = Some(sample);
        }
    }
}

impl Patience {
    fn applied(self, gate: Gate) -> Gate {
        match self {
            Self::AfterStart => gate,
            Self::OfRunning => Gate { steady: Duration::default(), grace: Duration::default(), ..gate },
        }
    }
}

fn text_of(sample: &Sample) -> String {
    match sample {
        Sample::Good => "good".to_owned(),
        Sample::Bad(why) => format!("bad: {why}"),
        Sample::Missing(why) => format!("not asked: {why}"),
        Sample::Foreign(name) => format!("bad: the running process names {name}"),
    }
}

#[cfg(test)]
mod tests;
