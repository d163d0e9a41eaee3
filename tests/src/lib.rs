//! What the tests share: the rules of the tree, and a harness of real processes with verbs.

pub mod damage;
pub mod fuzz;
pub mod harness;
pub mod runs;
pub mod tidy;
