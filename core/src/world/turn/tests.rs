use super::*;

const AT: UnixMs = UnixMs(1);

fn long(bytes: usize) -> Vec<Fact> {
    vec![Fact::DeliveryMatchedNothing { key: "d1".to_owned(), why: "x".repeat(bytes) }]
}

/// Turn after turn, with a fact of so many bytes in each round, for ever.
fn answer_each_other(bytes: usize) {
    let mut turn = Turn::default();
    loop {
        turn = Turn { rest: turn.rest, ..Turn::default() };
        turn.follow(&mut State::default(), AT, |_, _| vec![long(bytes)], |_| Vec::new());
    }
}

#[test]
#[should_panic(expected = "did not come to rest after 10000 rounds")]
fn rules_that_answer_each_other_for_ever_are_stopped() {
    answer_each_other(1);
}

#[test]
#[should_panic(expected = "did not come to rest after 10000 rounds")]
fn rules_that_answer_each_other_over_many_turns_are_stopped_too() {
    answer_each_other(10_000);
}

#[test]
#[should_panic(expected = "is no record")]
fn a_turn_never_is_longer_than_a_record() {
    let mut turn = Turn::default();
    turn.fold(&mut State::default(), AT, [long(RECORD_BYTES_MAX / 2), long(RECORD_BYTES_MAX / 2)].concat());
}

#[test]
fn a_turn_that_is_nearly_full_still_holds_the_largest_decision() {
    let mut turn = Turn::default();
    turn.fold(&mut State::default(), AT, long(TURN_BYTES - 200));
    assert!(!turn.is_full());
    let largest = Decision::done(long(DECISION_BYTES_MAX - 200)).bounded(DECISION_BYTES_MAX);
    turn.fold(&mut State::default(), AT, largest.facts);
    assert_eq!(turn.facts.len(), 2);
}

#[test]
fn what_is_counted_is_at_least_what_is_written() {
    let fact = long(100).remove(0);
    let recorded = crate::fact::Recorded { at: UnixMs(u64::MAX), fact: fact.clone() };
    let written = serde_json::to_vec(&recorded).expect("JSON").len() + 16;
    assert!((written..written + 64).contains(&fact.bytes()), "{written} {}", fact.bytes());
}
