use clap::CommandFactory;
use insta::assert_snapshot;

use super::*;

fn help(command: &str) -> String {
    let mut all = Arguments::command().term_width(100);
    all.build();
    let named = all.find_subcommand_mut(command).expect("the command exists");
    named.render_long_help().to_string()
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn help_names_every_command() {
    assert_snapshot!(Arguments::command().term_width(100).render_long_help());
}

#[test]
fn help_of_the_commands_that_people_use_most() {
    for command in ["demo", "lint", "run", "runs", "logs", "deploy", "agents", "post-receive"] {
        assert_snapshot!(format!("help_of_{}", command.replace('-', "_")), help(command));
    }
}

#[test]
fn ids_are_taken_as_people_write_them() {
    let taken = |line: &str| Arguments::try_parse_from(line.split(' ')).is_ok();
    for good in
        ["windlass show shop#42", "windlass show shop.42 production/change@web1", "windlass logs shop#1 build 2 -f"]
    {
        assert!(taken(good), "{good}");
    }
    for good in ["windlass abort shop/production#3 --reason x", "windlass logs shop#1 build unit --offset -100"] {
        assert!(taken(good), "{good}");
    }
    let bad = [
        "windlass",
        "windlass show 42",
        "windlass show shop#0",
        "windlass rollback shop production",
        "windlass agents token",
    ];
    for bad in bad {
        assert!(!taken(bad), "{bad}");
    }
}
