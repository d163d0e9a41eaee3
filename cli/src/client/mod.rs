//! Speaking to a master: where it is and who we are (`account`), requests (`request`), answers that go on (`stream`).
//!
//! Invariant: the token goes into one header, to the address it was made for, and nowhere else; redirects are not followed.

mod account;
mod request;
mod stream;

pub use account::{Account, file as account_file, remember};
pub use request::Client;
pub(crate) use request::{encoded, refused};
pub use stream::{Lines, Streamed};
