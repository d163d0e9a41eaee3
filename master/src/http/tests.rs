//! The API of a whole master, over real sockets.

mod access;
mod hooks;
mod keys;
mod logs;
mod master;
mod routes;
mod runs;
