use windlass_core::model::UnixMs;
use windlass_core::world::{DeliveryResult, ProjectState};

use super::*;

const MAIN: &str = "refs/heads/main";
const OLD: &str = "refs/heads/old";

fn place() -> Place {
    Place {
        project: ProjectName::new("shop").expect("a name"),
        git: "/srv/shop".to_owned(),
        local: true,
        file: "windlass.yaml".to_owned(),
        main_branch: "main".to_owned(),
    }
}

fn commit(digit: char) -> Revision {
    digit.to_string().repeat(40).parse().expect("a commit id")
}

fn tips<const N: usize>(tips: [(&str, char); N]) -> Tips {
    tips.into_iter().map(|(reference, digit)| (reference.to_owned(), commit(digit))).collect()
}

fn state_with(next_run: u64, delivered: &[(&str, char)]) -> State {
    let mut state = State::default();
    state.projects.insert_mut(place().project, ProjectState { next_run, ..ProjectState::new(1) });
    for (taken, (reference, digit)) in (1..).zip(delivered) {
        let delivery = delivery(&place(), reference, &commit(*digit), None);
        let result = DeliveryResult::Nothing("it matched nothing".to_owned());
        let known = DeliveryState { delivery: delivery.clone(), taken: UnixMs(taken), result };
        state.deliveries.insert_mut(delivery.key, known);
    }
    state
}

fn told(news: &[Delivery]) -> Vec<(String, Revision, Option<Revision>)> {
    news.iter().map(|d| (d.reference.clone(), d.revision.clone(), d.before.clone())).collect()
}

#[test]
fn a_project_without_runs_gets_one_for_its_main_branch_alone() {
    let news = first_look(&state_with(1, &[]), &place(), &tips([(MAIN, 'a'), (OLD, 'b')]));
    assert_eq!(told(&news), [(MAIN.to_owned(), commit('a'), None)]);
}

#[test]
fn a_branch_that_moved_while_nobody_looked_is_delivered_with_its_old_tip() {
    let state = state_with(5, &[(MAIN, 'a'), (MAIN, 'b')]);
    let news = first_look(&state, &place(), &tips([(MAIN, 'c'), (OLD, 'd')]));
    assert_eq!(told(&news), [(MAIN.to_owned(), commit('c'), Some(commit('b')))]);
}

#[test]
fn what_was_delivered_before_a_restart_is_not_delivered_again() {
    let state = state_with(5, &[(MAIN, 'a'), (MAIN, 'b')]);
    assert_eq!(told(&first_look(&state, &place(), &tips([(MAIN, 'b')]))), []);
}

#[test]
fn later_looks_deliver_new_and_moved_branches_and_no_others() {
    let known = tips([(MAIN, 'a'), (OLD, 'b')]);
    let news = later_look(&place(), &known, &tips([(MAIN, 'c'), (OLD, 'b'), ("refs/heads/new", 'd')]));
    let wanted = [(MAIN.to_owned(), commit('c'), Some(commit('a'))), ("refs/heads/new".to_owned(), commit('d'), None)];
    assert_eq!(told(&news), wanted);
    assert_eq!(told(&later_look(&place(), &known, &tips([(MAIN, 'a')]))), [], "a branch that was removed is no news");
}

#[test]
fn the_same_news_has_the_same_key() {
    let one = delivery(&place(), MAIN, &commit('a'), None);
    let two = delivery(&place(), MAIN, &commit('a'), Some(commit('b')));
    assert_eq!((one.key, one.body), (two.key, two.body));
}
