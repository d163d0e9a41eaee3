//! What Windlass promises about files. Read in this order:
//!
//! 1. [`mod@file`]: the `Disk` and `DiskFile` traits, through which every file that must survive goes;
//!    [`real`] is the operating system, [`faulty`] a disk in memory that loses what was not synced
//! 2. [`safe_write`] and [`lock`]: whole small files, new directories, one owner of a directory
//! 3. [`record`]: what happened to one attempt, line by line
//! 4. [`log`]: the bytes of a step and the index of their chunks, the same on agent and master
//! 5. [`journal`]: the facts of the master, the one truth
//! 6. [`memory`]: what shall never become a file
//!
//! Called by the master, the agent and the shim. Invariant: what a function here calls synced is on
//! disk with every name that leads to it, and what was written before and is no longer whole is found
//! when it is read. Deliberately absent: any knowledge of facts, any thread, any clock.

pub mod faulty;
pub mod file;
pub mod journal;
pub mod lock;
pub mod log;
pub mod memory;
pub mod real;
pub mod record;
pub mod safe_write;

pub use faulty::FaultyDisk;
pub use file::{Disk, DiskFile, DiskVolume, Error, Open, Result};
pub use real::RealDisk;
