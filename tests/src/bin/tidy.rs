//! Prints the tree: files per crate, their sizes, and imports against the arrows. Exit code 1 if a rule is broken.

use std::process::ExitCode;

use windlass_tests::tidy;

fn main() -> ExitCode {
    let tree = tidy::Tree::read(tidy::root());
    tidy::print(&tree.report());
    let broken = tree.broken();
    tidy::print(&tidy::summary(&broken));
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
