//! `POST /lint`: what is wrong with a pipeline file, without a run.

use windlass_core::model::Severity;
use windlass_core::pipeline;
use windlass_proto::api::{LintAnswer, LintRequest};

use super::answer::{Answer, ok};
use super::call::Call;

/// Carries the request out.
pub(super) async fn check(call: Call) -> Answer {
    let asked: LintRequest = call.json()?;
    let file = asked.file.as_deref().unwrap_or("windlass.yaml");
    let problems = pipeline::parse(file, &asked.text).problems;
    let usable = problems.iter().all(|problem| problem.severity == Severity::Warning);
    ok(&LintAnswer { ok: usable, problems })
}
