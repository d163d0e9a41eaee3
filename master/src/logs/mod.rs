//! The logs of steps: `logs/<project>/<run>/<job>.<attempt>/step-NN.{log,idx}`. The only owner of these files.
//!
//! Called by `link` (open, append, seal), by `http` (summary, read, tail) and by `app` (start, failed, stop). Two named threads do the
//! disk's work: `log writer` owns every open log, `log reader` serves the readers. Invariant: an offset is called durable only after a
//! sync that covers it and every directory above it; a log only ever grows, unless its digest proves that it is wrong. Deliberately
//! absent: which log belongs to whom (the state knows), when one expires or moves, compression.
//!
//! Reading order: [`name`], [`state`], [`chunk`], then `open_log` (one log), `writer` (all of them), [`tail`].

mod chunk;
mod error;
mod expire;
mod handle;
mod moved;
mod name;
mod open_log;
mod reader;
mod registry;
mod state;
mod tail;
mod writer;

pub use chunk::{Chunk, HostEnd, Piece, SealVerdict, Sealed, Verdict};
pub use error::{Error, Result};
pub use expire::expire;
pub use handle::{Logs, Opened, Summary};
pub use moved::{MovedError, move_old, moved_dir};
pub use name::{LogKey, LogName};
pub use open_log::OpenLog;
pub use state::{LogPhase, LogState};
pub use tail::{Part, Tail};

#[cfg(test)]
mod tests;
