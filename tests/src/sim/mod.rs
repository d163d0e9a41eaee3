//! The deterministic simulator: the shipped decisions, records, logs and journal, played against a world that counts real execs,
//! processes and bytes. One thread, one heap of events, one seed.
//!
//! - [`rng`], [`process`], [`host`], [`network`]: chance, processes that die at any I/O, hosts with clocks, links that lose messages
//! - [`master`], [`agent`], [`shim`]: thin loops around shipped code
//! - [`faults`]: what goes wrong, [`damage`] to what was synced among it; [`model`]: what must hold all the same
//! - [`checkpoints`]: every way to read the master's facts gives one state; [`secrets`]: what nobody may see
//! - [`span`]: an hour, or days
//! - [`world`]: the heap and the way of an event
//!
//! Called by the programs `sim` and `planted`. Deliberately absent: decisions, threads, real files and real clocks.

pub mod agent;
mod asks;
mod checkpoints;
mod damage;
pub mod event;
pub mod faults;
pub mod host;
mod hosts;
pub mod life;
pub mod logs;
pub mod master;
mod masters;
mod mishaps;
pub mod model;
pub mod network;
pub mod people;
pub mod process;
pub mod rest;
mod restores;
pub mod rng;
pub mod run;
pub mod secrets;
mod seen;
pub mod shim;
pub mod span;
pub mod steps;
pub mod trace;
pub mod world;

pub use run::{Report, run};
pub use span::Span;
