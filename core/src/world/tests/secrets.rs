use super::harness::{World, name, start};
use crate::answer::{Answer, Refusal};
use crate::fact::{Fact, SecretFact};
use crate::input::{Input, SetSecret};
use crate::model::{Digest, NotStarted, Outcome, RunId};
use crate::secret::SecretId;

const FILE: &str = "jobs:\n  test: { secrets: [KEY], run: ./test }\n";

fn key() -> SecretId {
    SecretId { project: name("shop"), environment: None, name: "KEY".parse().expect("a name") }
}

fn set(number: u32, unprotected: bool) -> Input {
    let sealed = Digest::of(&number.to_be_bytes());
    Input::SetSecret(SetSecret { secret: key(), number, unprotected, bytes: 8, sealed, by: "anna".to_owned() })
}

fn run_on(world: &mut World, branch: &str) -> RunId {
    let mut asked = start(FILE);
    asked.branch = branch.to_owned();
    match world.input(Input::StartRun(Box::new(asked))) {
        Answer::Run { run, .. } => run,
        other => panic!("expected a run, got {other:?}"),
    }
}

fn delivered(world: &World) -> Vec<u32> {
    let grants = world.facts.iter().filter_map(|(_, fact)| match fact {
        Fact::Secret(SecretFact::Delivered { secrets, .. }) => Some(secrets.iter().map(|grant| grant.number)),
        _ => None,
    });
    grants.flatten().collect()
}

fn not_started(world: &World) -> usize {
    let reason = NotStarted::Secret("KEY".to_owned());
    let ended = |fact: &Fact| matches!(fact, Fact::JobEnded { outcome: Outcome::NotStarted { reason: found }, .. } if *found == reason);
    world.facts.iter().filter(|(_, fact)| ended(fact)).count()
}

#[test]
fn a_job_without_its_secret_is_not_started_and_says_which() {
    let mut world = World::new();
    world.agent(1, &[]);
    run_on(&mut world, "main");
    assert_eq!((not_started(&world), delivered(&world)), (1, vec![]));
}

#[test]
fn the_newest_value_is_delivered_and_the_delivery_is_a_fact() {
    let mut world = World::new();
    world.input(set(1, false));
    world.input(set(2, false));
    assert!(matches!(world.refusal(set(2, false)), Refusal::SecretRaced(_)));
    world.agent(1, &[]);
    run_on(&mut world, "main");
    assert_eq!((not_started(&world), delivered(&world)), (0, vec![2]));
    assert_eq!(world.state.secrets.get(&key()).and_then(|known| known.delivered), Some(world.now));
}

#[test]
fn another_branch_gets_only_what_is_unprotected() {
    let mut world = World::new();
    world.agent(1, &[]);
    world.input(set(1, false));
    run_on(&mut world, "side");
    assert_eq!((not_started(&world), delivered(&world)), (1, vec![]));
    world.input(set(2, true));
    run_on(&mut world, "side");
    assert_eq!((not_started(&world), delivered(&world)), (1, vec![2]));
}

#[test]
fn what_is_deleted_is_missing_until_it_is_set_again_under_the_next_number() {
    let mut world = World::new();
    world.agent(1, &[]);
    let delete = || Input::DeleteSecret { secret: key(), by: "anna".to_owned(), reason: "it leaked".to_owned() };
    assert!(matches!(world.refusal(delete()), Refusal::SecretUnknown(_)));
    world.input(set(1, false));
    world.input(delete());
    assert!(matches!(world.refusal(delete()), Refusal::SecretUnknown(_)));
    run_on(&mut world, "main");
    assert_eq!((not_started(&world), delivered(&world)), (1, vec![]));
    world.input(set(2, false));
    run_on(&mut world, "main");
    assert_eq!((not_started(&world), delivered(&world)), (1, vec![2]));
}

#[test]
fn a_secret_belongs_to_what_exists() {
    let mut world = World::new();
    let of = |secret| {
        Input::SetSecret(SetSecret {
            secret,
            number: 1,
            unprotected: false,
            bytes: 8,
            sealed: Digest::of(b""),
            by: "anna".to_owned(),
        })
    };
    let elsewhere = SecretId { project: name("docs"), ..key() };
    assert!(matches!(world.refusal(of(elsewhere)), Refusal::ProjectUnknown(_)));
    let nowhere = SecretId { environment: Some(name("moon")), ..key() };
    assert!(matches!(world.refusal(of(nowhere)), Refusal::EnvironmentUnknown(_)));
}

#[test]
fn a_secret_is_written_as_one_word() {
    for id in [key(), SecretId { environment: Some(name("production")), ..key() }] {
        let text = String::from(id.clone());
        assert_eq!(SecretId::try_from(text.clone()), Ok(id), "{text}");
    }
    for bad in ["", "KEY", "shop", "shop/key", "shop/a/b/KEY", "shop//KEY", "Shop/KEY"] {
        assert!(SecretId::try_from(bad.to_owned()).is_err(), "{bad}");
    }
}
