//! The HTTP API for people and tools: JSON, server-sent events, logs as bytes; beside it signed deliveries and enrolment.
//!
//! Reading order: `routes` (the one table), `call` (what a handler is given), `serve` (connections), `problem`, then one file per
//! resource with its conversions in `shape`. Called by `app` ([`serve`], [`Api`]) and by the command line ([`openapi_json`]).
//!
//! Invariant: router, OpenAPI document and tests are made from the table; every route names the right it needs; an answer that is no
//! success is problem details. Absent: TLS, cookies, rates, rights weaker than `admin`, and everything the web page will need.

mod access;
mod agents;
mod answer;
mod api;
mod artifacts;
mod auth;
mod call;
mod deployments;
mod enrol;
mod events;
mod expired;
mod exposed;
mod health;
mod hooks;
mod idempotency;
mod journal;
mod lanes;
mod limits;
mod lines;
mod lint;
mod log;
mod merged;
mod openapi;
mod own;
mod path;
mod problem;
mod projects;
mod releases;
mod room;
mod router;
mod routes;
mod run_log;
mod runs;
mod secrets;
mod serve;
mod shape;
mod start;
mod table;

pub use api::Api;
pub use journal::JournalReader;
pub use openapi::openapi_json;
pub use router::router;
pub use serve::serve;

#[cfg(test)]
mod tests;
