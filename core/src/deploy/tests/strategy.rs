//! Strategies become absolute numbers.

use super::world::*;
use crate::deploy::plan;
use crate::model::*;

/// Sizes, ceilings at once and budgets of the plan for a fresh lane.
fn shape(targets: u128, max: Option<Amount>, strategy: &[BatchSpec]) -> Vec<(usize, u32, u32)> {
    let mut world = World::new(targets, max);
    world.push(strategy);
    let plan = world.deployment(1).plan.clone().expect("it started");
    plan.batches.iter().map(|batch| (batch.targets.len(), batch.at_once, batch.budget)).collect()
}

#[test]
fn batches_are_filled_in_order_and_the_last_entry_repeats() {
    let plain = BatchSpec::plain;
    let rolling = [plain(Amount::Count(1)), plain(Amount::Percent(50)), plain(Amount::Rest)];
    type Row<'a> = (u128, Option<Amount>, &'a [BatchSpec], &'a [(usize, u32, u32)]);
    let rows: [Row; 6] = [
        (3, None, &rolling, &[(1, 1, 0), (1, 1, 0), (1, 1, 0)]),
        (8, None, &rolling, &[(1, 1, 0), (4, 1, 0), (3, 1, 0)]),
        (5, Some(Amount::Percent(100)), &[plain(Amount::Rest)], &[(5, 5, 0)]),
        (5, Some(Amount::Count(2)), &[plain(Amount::Count(2))], &[(2, 2, 0), (2, 2, 0), (1, 1, 0)]),
        (5, None, &[plain(Amount::Percent(1))], &[(1, 1, 0); 5]),
        (12, None, &[batch(Amount::Percent(25), 1), plain(Amount::Rest)], &[(3, 1, 1), (9, 1, 1)]),
    ];
    for (targets, max, strategy, expected) in rows {
        assert_eq!(shape(targets, max, strategy), expected, "{targets} targets, {strategy:?}");
    }
}

#[test]
fn bakes_are_a_minute_and_the_last_one_two() {
    let mut world = World::new(2, None);
    world.push(&[BatchSpec::plain(Amount::Count(1))]);
    let plan = world.deployment(1).plan.clone().expect("it started");
    let bakes: Vec<Duration> = plan.batches.iter().map(|batch| batch.bake).collect();
    assert_eq!(bakes, [Duration::from_secs(60), Duration::from_secs(120)]);
}

#[test]
fn targets_that_do_not_serve_go_first() {
    let mut world = World::new(5, None);
    world.released();
    world.released();
    let release = world.state.releases.get(&release_id(1)).expect("made").clone();
    for name in ["web1", "web2", "web3", "web4", "web5"] {
        world.becomes(name, |seen| seen.health = Health::Unhealthy);
        let plan = plan(&world.state, &lane_id(), &release).expect("five targets");
        assert_eq!(plan.batches[0].targets[0].name.as_str(), name);
        world.becomes(name, |seen| seen.health = Health::Healthy);
    }
}

#[test]
fn the_way_back_is_what_runs_well_else_the_last_good_else_nothing() {
    let mut world = World::new(1, None);
    world.released();
    world.released();
    let release = world.state.releases.get(&release_id(1)).expect("made").clone();
    let (first, second) = (world.name_of(1), world.name_of(2));
    let lane = world.state.lanes.get_mut(&lane_id()).expect("a lane");
    std::sync::Arc::make_mut(lane).catch_up_stopped = Some("so that nobody mends the target".to_owned());
    let rows: [(Running, Health, Option<&str>, WayBack); 4] = [
        (Running::Release(first.clone()), Health::Healthy, Some(&first), WayBack::Release(first.clone())),
        (Running::Release(first.clone()), Health::Unhealthy, Some(&first), WayBack::Release(second.clone())),
        (Running::Other("legacy".to_owned()), Health::Healthy, Some(&second), WayBack::Release(second.clone())),
        (Running::Nothing, Health::NoData, None, WayBack::Absent),
    ];
    for (running, health, linked, expected) in rows {
        world.becomes("web1", |seen| {
            seen.running = running.clone();
            seen.health = health;
            seen.linked = linked.map(str::to_owned);
        });
        let plan = plan(&world.state, &lane_id(), &release).map(|plan| plan.ways_back[0].to.clone());
        assert_eq!(plan, Ok(expected), "{running:?} {health:?}");
    }
}

#[test]
fn a_refused_release_is_nobodys_way_back() {
    let mut world = World::new(1, None);
    world.released();
    world.released();
    let release = world.state.releases.get(&release_id(2)).expect("made").clone();
    let (first, second) = (world.name_of(1), world.name_of(2));
    world.becomes("web1", |seen| {
        seen.running = Running::Release(first.clone());
        seen.linked = Some(first.clone());
    });
    let way_back = |world: &World| plan(&world.state, &lane_id(), &release).map(|plan| plan.ways_back[0].to.clone());
    assert_eq!(way_back(&world), Ok(WayBack::Release(first)));
    let lane = world.state.lanes.get_mut(&lane_id()).expect("a lane");
    std::sync::Arc::make_mut(lane).refused.insert(release_id(1), "it was bad".to_owned());
    assert_eq!(way_back(&world), Ok(WayBack::Release(second)));
}

#[test]
fn the_same_artifact_and_settings_are_the_same_release() {
    let mut world = World::new(1, None);
    world.push_at(1, "main", &canary());
    world.finish(1);
    world.push_at(1, "main", &canary());
    assert_eq!(world.state.services.get(&lane_id().service).map(|service| service.next_release), Some(2));
}
