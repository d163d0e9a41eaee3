//! `deploy`: which service goes where, in which batches.

use super::keys;
use super::limits::BATCHES;
use super::range::{BAKE, TARGETS};
use super::read::Reader;
use super::scalar::{Meaning, meaning};
use super::spec::{At, DeploySpec};
use super::words::quote;
use super::yaml::{Node, Value};
use crate::model::{
    AfterRollback, Amount, BatchSpec, Code, Duration, EnvironmentName, OnFailure, Prepare, Promote, Rules, ServiceName,
};

/// Whether an amount counts targets to change, or failures allowed.
#[derive(Clone, Copy)]
enum Counted {
    Targets,
    Failures,
}

/// The strategies that have a name.
#[derive(Clone, Copy)]
enum Preset {
    Rolling,
    Canary,
    AllAtOnce,
}

const PRESETS: [(&str, Preset); 3] =
    [("rolling", Preset::Rolling), ("canary", Preset::Canary), ("all_at_once", Preset::AllAtOnce)];

const ON_FAILURE: [(&str, OnFailure); 3] =
    [("rollback", OnFailure::Rollback), ("pause", OnFailure::Pause), ("stop", OnFailure::Stop)];

const PREPARE: [(&str, Prepare); 2] = [("all", Prepare::All), ("batch", Prepare::Batch)];

const AFTER_ROLLBACK: [(&str, AfterRollback); 2] = [("open", AfterRollback::Open), ("lock", AfterRollback::Lock)];

const PROMOTE: [(&str, Promote); 2] = [("auto", Promote::Auto), ("manual", Promote::Manual)];

impl Preset {
    /// The list of batches that the name stands for.
    fn batches(self) -> Vec<BatchSpec> {
        let watched = BatchSpec {
            targets: Amount::Count(1),
            bake: Some(Duration::from_secs(600)),
            budget: Some(Amount::Count(0)),
            promote: Promote::Auto,
        };
        let plain = BatchSpec::plain;
        match self {
            Self::Rolling => vec![plain(Amount::Count(1)), plain(Amount::Percent(50)), plain(Amount::Rest)],
            Self::Canary => vec![watched, plain(Amount::Percent(50)), plain(Amount::Rest)],
            Self::AllAtOnce => vec![plain(Amount::Rest)],
        }
    }
}

impl Reader<'_> {
    /// The block of an entry; `job` is the entry's words in a sentence.
    pub(super) fn deploy(&mut self, node: &Node, job: &str) -> Option<DeploySpec> {
        let object = self.object(node, format!("`deploy` of {job}"), keys::DEPLOY)?;
        let mut name = |key: &str, kind: &str| -> Option<At<String>> {
            let Some(node) = object.get(key) else {
                self.missing(object.span, &object.what, key, "");
                return None;
            };
            let text = self.text(node, key)?;
            let name = self.name(&text, node.span, kind)?;
            Some(At { value: name.as_str().to_owned(), span: node.span })
        };
        let service = name("service", "a service");
        let environment = name("environment", "an environment");
        let strategy = match object.get("strategy") {
            Some(node) => self.strategy(node),
            None => Some(Preset::Rolling.batches()),
        };
        let on_failure = object.get("on-failure").and_then(|node| self.word(node, "on-failure", &ON_FAILURE));
        let after_rollback =
            object.get("after-rollback").and_then(|node| self.word(node, "after-rollback", &AFTER_ROLLBACK));
        let prepare = object.get("prepare").and_then(|node| self.word(node, "prepare", &PREPARE));
        let accept_incomplete =
            object.get("accept-incomplete").and_then(|node| self.boolean(node, "accept-incomplete"));
        let rules = Rules {
            on_failure: on_failure.unwrap_or_default(),
            after_rollback: after_rollback.unwrap_or_default(),
            prepare: prepare.unwrap_or_default(),
            accept_incomplete: accept_incomplete.unwrap_or_default(),
        };
        let (service, environment) = (service?, environment?);
        Some(DeploySpec {
            service: At { value: ServiceName::new(&service.value).ok()?, span: service.span },
            environment: EnvironmentName::new(&environment.value).ok()?,
            strategy: strategy?,
            rules,
        })
    }

    fn strategy(&mut self, node: &Node) -> Option<Vec<BatchSpec>> {
        let Value::List(items) = &node.value else {
            return self.word(node, "strategy", &PRESETS).map(Preset::batches);
        };
        if items.is_empty() {
            self.findings.error(node.span, Code::MissingKey, "`strategy` has no batch", "write `strategy: rolling`");
        }
        if let Some(beyond) = items.get(BATCHES) {
            let text = format!("a strategy of {} batches is longer than the {BATCHES} allowed", items.len());
            self.findings.error(beyond.span, Code::TooBig, text, "the last entry repeats: leave the others out");
            return None;
        }
        let batches: Vec<(BatchSpec, &Node)> =
            items.iter().zip(1..).filter_map(|(item, number)| Some((self.batch(item, number)?, item))).collect();
        self.batches_make_sense(&batches);
        if let Some((last, node)) = batches.last()
            && (last.promote, last.targets) == (Promote::Manual, Amount::Rest)
        {
            let text = "nothing follows the last batch that a person could let begin";
            self.findings.error(node.span, Code::Clash, text, "leave `promote` out of it");
        }
        Some(batches.into_iter().map(|(batch, _)| batch).collect())
    }

    fn batch(&mut self, node: &Node, number: usize) -> Option<BatchSpec> {
        let object = self.object(node, format!("batch {number}"), keys::BATCH)?;
        let bake = object.get("bake").and_then(|node| self.time(node, BAKE));
        let budget = object.get("budget").and_then(|node| self.amount(node, "budget", Counted::Failures));
        let promote = object.get("promote").and_then(|node| self.word(node, "promote", &PROMOTE)).unwrap_or_default();
        let Some(targets) = object.get("targets") else {
            self.missing(object.span, &object.what, "targets", "write `targets: 1`, `targets: 50%` or `targets: rest`");
            return None;
        };
        Some(BatchSpec { targets: self.amount(targets, "targets", Counted::Targets)?, bake, budget, promote })
    }

    fn batches_make_sense(&mut self, batches: &[(BatchSpec, &Node)]) {
        for pair in batches.windows(2) {
            let [(earlier, _), (later, node)] = pair else { continue };
            if earlier.targets == Amount::Rest {
                self.findings.error(
                    node.span,
                    Code::Clash,
                    "nothing is left after the batch `rest`",
                    "remove this batch",
                );
            }
            let falls = matches!(
                (earlier.budget, later.budget),
                (Some(Amount::Count(a)), Some(Amount::Count(b))) | (Some(Amount::Percent(a)), Some(Amount::Percent(b))) if b < a
            );
            if falls {
                let text = "the budget falls along the list; it counts failures of the whole deployment";
                self.findings.error(node.span, Code::OutOfRange, text, "write at least the budget of the batch before");
            }
        }
    }

    /// `3`, `10%`, and for targets `rest`.
    fn amount(&mut self, node: &Node, key: &str, counted: Counted) -> Option<Amount> {
        let (least, wanted) = match counted {
            Counted::Targets => (1, format!("1 to {TARGETS}, 1% to 100%, or `rest`")),
            Counted::Failures => (0, format!("0 to {TARGETS}, or 0% to 100%")),
        };
        let Value::Scalar { text, .. } = &node.value else {
            self.wrong_type(node, &format!("`{key}`"), &wanted);
            return None;
        };
        if let (Counted::Targets, "rest") = (counted, text.as_str()) {
            return Some(Amount::Rest);
        }
        let digits = text.strip_suffix('%').unwrap_or(text);
        let is_number = meaning(digits) == Meaning::Integer;
        let number = digits.parse::<u32>().ok().filter(|number| is_number && *number >= least);
        let amount = match number {
            Some(number) if digits.len() < text.len() => (number <= 100).then_some(Amount::Percent(number)),
            Some(number) => (number <= TARGETS).then_some(Amount::Count(number)),
            None => None,
        };
        if amount.is_none() {
            let code = if is_number { Code::OutOfRange } else { Code::WrongType };
            self.findings.error(node.span, code, format!("`{key}` takes {wanted}, not {}", quote(text)), "");
        }
        amount
    }
}
