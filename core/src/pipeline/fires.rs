//! Whether a push starts a run, and if not why: the reason is kept with the delivery.

use super::spec::{Globs, Pattern, Pipeline, PushSpec};

/// What a head commit says to start nothing.
const SKIP: &str = "[skip ci]";

/// What was pushed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushEvent {
    /// The branch, without `refs/heads/`.
    pub branch: Option<String>,
    /// The tag, without `refs/tags/`.
    pub tag: Option<String>,
    /// Paths that differ from the old tip; none: nobody can tell.
    pub changed: Option<Vec<String>>,
    /// First line of the head commit's message, or all of it.
    pub message: String,
}

/// Why a push starts no run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhyNot {
    /// The pipeline has no `on.push`.
    #[error("pushes do not trigger the pipeline")]
    NoPush,
    /// The author asked for it.
    #[error("the head commit says {SKIP}")]
    Skipped,
    /// Another branch.
    #[error("the pipeline fires on branches {0}")]
    Branch(String),
    /// Another tag.
    #[error("the pipeline fires on tags {0}")]
    Tag(String),
    /// A branch, and only tags are named.
    #[error("the pipeline fires on tags only")]
    TagsOnly,
    /// A tag, and only branches are named.
    #[error("the pipeline fires on branches only")]
    BranchesOnly,
    /// Other files.
    #[error("the pipeline fires on changes of {0}")]
    Paths(String),
}

/// Decides whether this push starts a run.
pub fn fires(pipeline: &Pipeline, push: &PushEvent) -> Result<(), WhyNot> {
    let Some(spec) = &pipeline.on.push else { return Err(WhyNot::NoPush) };
    if push.message.contains(SKIP) {
        return Err(WhyNot::Skipped);
    }
    reference(spec, push)?;
    match &push.changed {
        Some(changed) if !spec.paths.0.is_empty() && !changed.iter().any(|path| spec.paths.match_text(path)) => {
            Err(WhyNot::Paths(spec.paths.to_string()))
        }
        Some(_) | None => Ok(()),
    }
}

/// Naming only tags excludes branches, and the other way round.
fn reference(spec: &PushSpec, push: &PushEvent) -> Result<(), WhyNot> {
    let PushSpec { branches, tags, paths: _ } = spec;
    let named = |globs: &Globs| !globs.0.is_empty();
    if let Some(branch) = &push.branch {
        return match (named(branches), named(tags)) {
            (true, _) if branches.match_text(branch) => Ok(()),
            (true, _) => Err(WhyNot::Branch(branches.to_string())),
            (false, true) => Err(WhyNot::TagsOnly),
            (false, false) => Ok(()),
        };
    }
    if let Some(tag) = &push.tag {
        return match (named(tags), named(branches)) {
            (true, _) if tags.match_text(tag) => Ok(()),
            (true, _) => Err(WhyNot::Tag(tags.to_string())),
            (false, true) => Err(WhyNot::BranchesOnly),
            (false, false) => Ok(()),
        };
    }
    Ok(())
}

impl Globs {
    /// The last pattern that matches decides; without one the text is not meant.
    pub(super) fn match_text(&self, text: &str) -> bool {
        self.0.iter().rev().find(|pattern| pattern.matcher.is_match(text)).is_some_and(|pattern| !pattern.excludes)
    }
}

/// `main, release/**`
impl std::fmt::Display for Globs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, Pattern { text, .. }) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{text}")?;
        }
        Ok(())
    }
}
