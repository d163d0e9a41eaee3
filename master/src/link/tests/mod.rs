//! The link over real sockets and real mutual TLS, with core itself as the engine and everything on temporary directories.

mod artifacts;
mod client;
mod harness;
mod intruders;
mod logs;
mod session;
