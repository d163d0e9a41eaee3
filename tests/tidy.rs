//! The rules of the tree, each a test. `cargo tidy` prints the same with the sizes.

use windlass_tests::tidy::{Rule, Tree, root};

fn nothing_breaks(rule: Rule) {
    let broken: Vec<_> = Tree::read(root()).broken().into_iter().filter(|found| found.rule == rule).collect();
    let lines: Vec<String> = broken.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn crates_depend_along_the_arrows() {
    nothing_breaks(Rule::Arrows);
}

#[test]
fn rooms_import_along_the_arrows() {
    nothing_breaks(Rule::Rooms);
}

#[test]
fn the_core_is_pure() {
    nothing_breaks(Rule::Purity);
}

#[test]
fn unsafe_code_stands_in_one_room() {
    nothing_breaks(Rule::Unsafe);
}

#[test]
fn files_are_small() {
    nothing_breaks(Rule::Size);
}

#[test]
fn mod_files_only_declare() {
    nothing_breaks(Rule::ModFile);
}

#[test]
fn names_use_the_words_of_the_project() {
    nothing_breaks(Rule::Words);
}

#[test]
fn no_test_is_switched_off() {
    nothing_breaks(Rule::Ignored);
}
