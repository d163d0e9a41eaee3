//! Stories of users on real processes: a master, agents with their own certificates, a git repository.

mod agents;
mod bad_days;
mod bad_input;
mod by_hand;
mod catch_up;
mod demo;
mod deployments;
mod first_light;
mod five_faults;
mod holds;
mod itself;
mod restarts;
mod restore;
mod retry;
mod secrets;
mod traffic;
mod unproven;
mod upgrade;

use windlass_tests::harness::Windlass;

/// A world that starts the program which cargo built beside these tests.
fn windlass() -> Windlass {
    Windlass::new(env!("CARGO_BIN_EXE_windlass-under-test"))
}
