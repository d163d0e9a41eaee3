//! The rules of the tree that a compiler does not check.

mod arrows;
mod rules;
mod tree;

pub use rules::{Broken, Rule};
pub use tree::{Tree, print, root, summary};
