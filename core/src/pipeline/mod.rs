//! From the text of a pipeline file to the plan of a run.
//!
//! [`parse`] turns text into a checked [`Pipeline`] or says everything that is wrong with it at once; [`render`] prints that for a
//! terminal; [`fires`] decides whether a push starts a run; [`expand`] makes the plan that the fact of a run carries. The client's
//! `lint` and the master call the same four functions.
//!
//! Invariant: a [`Pipeline`] exists only if its file has no error, and nothing that the file says is ignored. What this version does
//! not carry out yet is an error that says so. Nothing is ever substituted into text.
//!
//! Reading order: `spec` (what comes out), `yaml` (text to nodes), `read` (nodes to values), then one file per part of the pipeline
//! file, `check` (what spans several jobs), `fires` and `expand`. Absent: includes, parameters, matrices, and expressions.

mod artifacts;
mod check;
mod deploy;
mod env;
mod expand;
mod findings;
mod fires;
mod graph;
mod job;
mod keys;
mod labels;
mod limits;
mod names;
mod on;
mod parse;
mod paths;
mod probe;
mod range;
mod read;
mod render;
mod scalar;
mod secrets;
mod service;
mod spec;
mod step;
mod suggest;
mod words;
mod yaml;

pub use expand::expand;
pub use fires::{PushEvent, WhyNot, fires};
pub use parse::{Parsed, parse, parse_bytes};
pub use render::render;
pub use spec::{
    At, DeploySpec, Globs, InputUse, JobSpec, On, Pattern, Pipeline, PushSpec, Run, SecretForm, SecretUses, Settings,
    Shell, Span, StepSpec, WorkSpec,
};
