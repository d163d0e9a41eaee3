//! The ring "damaged files". `WINDLASS_DAMAGE_SAMPLES=10000 cargo test -p windlass-tests --test store damaged` tries harder.

use windlass_tests::damage::{Base, Ending, sample};

/// Samples of an ordinary run.
const SAMPLES: u64 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_end_in_refusal_repair_or_named_loss_and_never_in_another_state() {
    let asked = std::env::var("WINDLASS_DAMAGE_SAMPLES").ok().and_then(|number| number.parse().ok());
    let from = std::env::var("WINDLASS_DAMAGE_FROM").ok().and_then(|number| number.parse().ok()).unwrap_or(0);
    let folder = tempfile::tempdir().expect("a folder");
    // With 24 the last segment would hold nothing but the mark of a quiet end.
    let base = Base::make(&folder.path().join("base"), 25).await.expect("a sound directory");
    assert_eq!(base.runs.len(), 25);
    let mut endings = std::collections::BTreeMap::<Ending, u64>::new();
    for number in from..from + asked.unwrap_or(SAMPLES) {
        let dir = folder.path().join("sample");
        match sample(&base, number, &dir).await {
            Ok((_, ending)) => *endings.entry(ending).or_default() += 1,
            Err(error) => panic!("WINDLASS_DAMAGE_FROM={number} WINDLASS_DAMAGE_SAMPLES=1: {error:#}"),
        }
        if dir.exists() {
            std::fs::remove_dir_all(&dir).expect("it is ours");
        }
    }
    // Whoever changes nothing that counts proves nothing.
    let all = [Ending::Same, Ending::Refused, Ending::Cut, Ending::NamedLoss];
    assert!(asked.is_some() || all.iter().all(|ending| endings.contains_key(ending)), "{endings:?}");
}
