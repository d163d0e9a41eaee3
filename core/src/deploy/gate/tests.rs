use super::*;
use crate::model::Probe;

fn gate() -> Gate {
    let s = Duration::from_secs;
    let probe = Probe::Http("http://127.0.0.1:1/".to_owned());
    Gate { probe, every: s(1), timeout: s(1), steady: s(3), fall: 3, flaps: 3, grace: s(5), deadline: s(20) }
}

fn sample(letter: char) -> Sample {
    match letter {
        'g' => Sample::Good,
        'b' => Sample::Bad("500".to_owned()),
        'm' => Sample::Missing("no answer".to_owned()),
        'f' => Sample::Foreign("r17-90ab12cd".to_owned()),
        other => panic!("no sample is called {other}"),
    }
}

/// One letter a second, from second 100; the verdict one second after the last.
fn verdict_of(samples: &str) -> Verdict {
    let (gate, began) = (gate(), 100);
    let mut gauge = Gauge::new(Duration::from_secs(began));
    for (i, letter) in samples.chars().enumerate() {
        gauge.fold(&gate, Duration::from_secs(began + i as u64), &sample(letter));
    }
    gauge.verdict(&gate, Duration::from_secs(began + samples.len() as u64))
}

#[test]
fn a_check_follows_its_table() {
    let fall = |n| Verdict::Fail(Why::Fall(n, "500".to_owned()));
    let foreign = Verdict::Fail(Why::OtherRelease("r17-90ab12cd".to_owned()));
    let rows = [
        ("nothing yet", "", Verdict::Undecided),
        ("good, not long enough", "gg", Verdict::Undecided),
        ("good for steady up to the present, not up to the last sample", "ggg", Verdict::Undecided),
        ("good for steady", "gggg", Verdict::Pass),
        ("bad at first does not count", "bbbbb", Verdict::Undecided),
        ("and then good for steady", "bbbbbgggg", Verdict::Pass),
        ("after grace it counts", "bbbbbbb", Verdict::Undecided),
        ("and fails", "bbbbbbbb", fall(3)),
        ("grace is over with the first good sample", "gbbb", fall(3)),
        ("a break begins steady again", "ggbgg", Verdict::Undecided),
        ("and it passes after it", "ggbgggg", Verdict::Pass),
        ("as many flaps as allowed", "gbgbb", Verdict::Undecided),
        ("too many, the last sample bad", "gbgbgb", Verdict::Fail(Why::Flaps(5))),
        ("too many, even if the last is good", "gbgbggggg", Verdict::Fail(Why::Flaps(4))),
        ("another release at first", "ff", Verdict::Undecided),
        ("another release after grace", "bbbbbf", foreign.clone()),
        ("another release after a good sample", "gf", foreign),
        ("missing breaks what was good", "ggmgg", Verdict::Undecided),
        ("missing is no bad sample", "gbmbm", Verdict::Undecided),
        ("missing does not hide bad ones", "gbmbb", fall(3)),
        ("missing is no flap", "gmgmgmgmgggg", Verdict::Pass),
    ];
    for (name, samples, expected) in rows {
        assert_eq!(verdict_of(samples), expected, "{name}: {samples}");
    }
}

#[test]
fn a_check_that_has_not_passed_by_its_deadline_fails() {
    let late = |text: &str| Verdict::Fail(Why::Deadline(Duration::from_secs(20), text.to_owned()));
    assert_eq!(verdict_of(&"m".repeat(20)), late("no answer"));
    assert_eq!(verdict_of(&"m".repeat(19)), Verdict::Undecided);
    assert_eq!(verdict_of(&"ggm".repeat(7)), late("no answer"));
}

fn watch_of(samples: &str, baking: bool) -> Watch {
    let mut watch = Watch::new(vec![gate()], Duration::from_secs(100));
    for (i, letter) in samples.chars().enumerate() {
        let at = Duration::from_secs(100 + i as u64);
        watch.fold(&Look { at, samples: vec![sample(letter)], baking }, Duration::from_secs(5));
    }
    watch
}

#[test]
fn health_has_inertia_and_healthy_for_has_none() {
    let rows = [
        ("", Health::NoData, 0),
        ("m", Health::NoData, 0),
        ("b", Health::NoData, 0),
        ("bbb", Health::Unhealthy, 0),
        ("g", Health::Healthy, 0),
        ("ggg", Health::Healthy, 2),
        ("gggb", Health::Healthy, 0),
        ("gggbbb", Health::Unhealthy, 0),
        ("gggbbbgg", Health::Healthy, 1),
        ("gf", Health::Unhealthy, 0),
        ("ggm", Health::Healthy, 0),
    ];
    for (samples, health, seconds) in rows {
        let watch = watch_of(samples, true);
        assert_eq!((watch.health(), watch.healthy_for()), (health, Duration::from_secs(seconds)), "{samples:?}");
    }
}

#[test]
fn flaps_make_a_baking_service_unhealthy_and_no_other() {
    let flapping = "gbgbggg";
    assert_eq!(watch_of(flapping, true).health(), Health::Unhealthy);
    assert_eq!(watch_of(flapping, false).health(), Health::Healthy);
    assert_eq!(watch_of(flapping, false).flaps(), 4);
}

#[test]
fn a_time_without_samples_is_not_counted_as_health() {
    let mut watch = watch_of("ggg", true);
    let late = Look { at: Duration::from_secs(160), samples: vec![Sample::Good], baking: true };
    watch.fold(&late, Duration::from_secs(5));
    assert_eq!((watch.health(), watch.healthy_for()), (Health::Healthy, Duration::default()));
}

#[test]
fn identity_goes_at_the_pace_of_the_gates() {
    let mut spec = ServiceSpec {
        artifact: "shop.tar".to_owned(),
        root: "/srv/shop".to_owned(),
        settings: Default::default(),
        hooks: Default::default(),
        gates: Default::default(),
        identity: Probe::Command(vec!["id".to_owned()]),
        keep: 5,
    };
    assert_eq!(identity_gate(&spec).steady, Duration::from_secs(10));
    spec.gates.insert("up".to_owned(), gate());
    assert_eq!(identity_gate(&spec), Gate { probe: spec.identity.clone(), ..gate() });
}
