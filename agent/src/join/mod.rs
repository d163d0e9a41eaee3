//! `windlass-agent join`: enrols this host with a join token, and writes what `run` needs.
//!
//! `token` reads the token, `request` makes key, request and proof, `post` carries it to the master, `answer` checks what comes back,
//! `files` writes identity and a first `agent.toml`. Invariant: the seed is never sent; what is trusted is the CA that the token pins, not
//! the web certificate; nothing is written that was not checked.

mod answer;
mod files;
mod pinned;
mod post;
mod request;
mod run;
mod token;

pub use answer::{Enrolled, Unbelievable};
pub use request::{proof_message, request};
pub use run::run;
pub use token::{InvalidToken, JoinToken};

#[cfg(test)]
mod tests;
