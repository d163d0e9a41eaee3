//! What the tests share: the rules of the tree, a harness of real processes with verbs, and a simulated world.

pub mod damage;
pub mod fuzz;
pub mod harness;
pub mod runs;
pub mod sim;
pub mod tidy;
