//! One attempt of a job: what the master believes of it (`state`), and what agent and shim decide about it (the other files).
//!
//! Agent and shim are thin loops around these functions: label an input, decide, write, act. Nothing here touches a disk or a process.
//!
//! | file | who asks | question |
//! |---|---|---|
//! | [`line`] | agent, shim, master | what can a record say |
//! | [`accept`] | agent | may this attempt begin here |
//! | [`conclude`] | agent | what does a directory prove that was found |
//! | [`hung`] | agent | does a shim hang, and what then |
//! | [`strays`] | agent | whose processes are these |
//! | [`ballast`] | agent | is there room for evidence |
//! | [`environment`] | shim | what does a step see |
//! | [`next_step`] | shim | what now, and how did the job end |
//! | [`ladder`] | shim | which signal when |

pub mod accept;
pub mod ballast;
pub mod conclude;
pub mod environment;
pub mod hung;
pub mod ladder;
pub mod line;
pub mod next_step;
pub mod state;
pub mod strays;

pub use accept::{Acceptance, DiskRoom, Host, accept};
pub use conclude::{Concluder, Conclusion, Evidence, Lock, RecordEnd, conclude};
pub use environment::{Surroundings, environment};
pub use ladder::{Ladder, Rung};
pub use line::{Line, LineBody, LogEnd};
pub use next_step::{Next, Stopping, Why, is_over, next_step, outcome_so_far};
pub use state::{AttemptPhase, AttemptState, StepState};
