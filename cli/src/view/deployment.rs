//! Deployments: each change of a target as a line, and how it ended.

use windlass_proto::api::{Deployment, DeploymentTarget};

use crate::text::{Reader, between, deployment_id, release_number, span};

/// What changed between two looks, a line each.
pub fn changes(before: Option<&Deployment>, now: &Deployment, reader: &Reader) -> Vec<String> {
    let mut lines = Vec::new();
    if before.is_none_or(|before| before.state != now.state || before.batch != now.batch) && now.outcome.is_none() {
        lines.push(stage(now));
    }
    for target in &now.targets {
        let was = before.and_then(|before| before.targets.iter().find(|was| was.name == target.name));
        if was.is_none_or(|was| was.state != target.state) && target.state != "waiting" {
            lines.push(format!("{}  {}", reader.second(target.since), of_target(target)));
        }
    }
    lines
}

fn stage(deployment: &Deployment) -> String {
    let batch = deployment.batch.and_then(|index| {
        let targets = &deployment.batches.get(index as usize)?.targets;
        Some(format!("  batch {} of {}: {}", index + 1, deployment.batches.len(), targets.join(", ")))
    });
    let why = if deployment.why.is_empty() { String::new() } else { format!("  {}", deployment.why) };
    match deployment.state.as_str() {
        "changing" | "baking" => format!("{}{}", deployment.state, batch.unwrap_or_default()),
        "paused" => {
            let pause = deployment.paused.as_ref().map_or("", |pause| pause.text.as_str());
            format!("paused{}  {pause}", batch.unwrap_or_default())
        }
        "awaiting_approval" => {
            let id = deployment_id(&deployment.id);
            let text = deployment.proposed.as_ref().map(|plan| {
                let digits = plan.digest.get(..8).unwrap_or(&plan.digest);
                format!("\n{}\n next: windlass approve {id} --plan {digits}", plan.text.trim_end())
            });
            format!("waits for approval{}", text.unwrap_or_default())
        }
        "rolling_back" => format!("rolling back, generation {}{why}", deployment.generation),
        state => format!("{state}{why}"),
    }
}

/// `web1      confirmed, r18 answers`.
pub fn of_target(target: &DeploymentTarget) -> String {
    let why = target.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let answers = target.running.as_deref().map(release_number);
    let answers = match (target.state.as_str(), answers) {
        ("confirmed" | "reverted", Some(name)) => format!(", {name} answers"),
        _ => String::new(),
    };
    format!("{:<9} {}{why}{answers}", target.name, target.state)
}

/// `ROLLED BACK in 42 s · 3 of 3 on r17 · exit code 20`; of one that is paused, the way on.
pub fn ended(deployment: &Deployment) -> String {
    if deployment.paused.is_some() {
        let id = deployment_id(&deployment.id);
        return format!(
            "PAUSED · {} · exit code 4\n next: windlass resume {id} --reason … --follow, or windlass abort {id} --reason …",
            answers(deployment)
        );
    }
    let outcome = deployment.outcome.clone().unwrap_or_else(|| deployment.state.clone());
    let took = between(deployment.started, deployment.ended).map_or_else(String::new, |ms| format!(" in {}", span(ms)));
    let code = deployment.exit_code.map_or_else(String::new, |code| format!(" · exit code {code}"));
    let why = if deployment.why.is_empty() { String::new() } else { format!(" · {}", deployment.why) };
    format!("{}{took} · {}{why}{code}", outcome.to_uppercase().replace('_', " "), answers(deployment))
}

/// `3 of 3 targets answer r17`, counted by what the running processes named last.
fn answers(deployment: &Deployment) -> String {
    let mut counts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for target in &deployment.targets {
        *counts.entry(target.running.as_deref().map_or("nothing", release_number)).or_default() += 1;
    }
    let total = deployment.targets.len();
    let texts = counts.iter().map(|(name, count)| format!("{count} of {total} targets answer {name}"));
    texts.collect::<Vec<_>>().join(", ")
}
