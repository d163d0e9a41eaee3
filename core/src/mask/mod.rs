//! Masking: a registered secret never gets through, wherever a piece of a stream begins or ends. Pure; asked by the shim, which holds it
//! between the pipe of a step and the disk.
//!
//! ```text
//! secrets ─▶ needles: each in every encoding that is looked for ─▶ finder: where they are, and where one may begin
//!                                                                      │
//!                              bytes as they are read ─▶ masker: gives on, holds back, writes `[masked:NAME]`
//! ```
//!
//! Invariant: what a masker gives on depends on the bytes of its stream alone, never on how they were cut or when they came. It holds
//! back the longest tail that could begin a needle, until that is refuted or the stream is over.
//!
//! Not found, and documented so: a secret that is spread over two streams, and encodings that [`encodings`] does not list.

mod encodings;
mod finder;
mod masker;
mod needles;
mod unbroken;

pub use masker::Masker;
pub use needles::Needles;

#[cfg(test)]
mod tests;
