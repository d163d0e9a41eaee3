//! A fact in the journal: its kind, a format number, and JSON. Text costs a little space and buys a journal that people can read.

use windlass_core::{Fact, Recorded};
use windlass_disk::journal::Entry;

/// The format that this program writes, of every kind so far.
pub const FORMAT: u16 = 1;

/// A fact that this program does not understand.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer program.
    #[error("a fact of kind {0} is not known to this program; start the newer one, or restore a backup")]
    Kind(u16),
    /// The same, of a kind that we know.
    #[error(
        "a fact of kind {kind} has format {format}, newer than {FORMAT}; start the newer program, or restore a backup"
    )]
    Format {
        /// Of this kind.
        kind: u16,
        /// With this format.
        format: u16,
    },
    /// The checksum fits, the text does not.
    #[error("a fact of kind {kind} does not read: {source}")]
    Text {
        /// Of this kind.
        kind: u16,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The bytes of a fact.
pub fn encode(recorded: &Recorded) -> Entry {
    let bytes = serde_json::to_vec(recorded).expect("a fact has only text keys, so that it always is JSON");
    Entry { kind: recorded.fact.kind(), format: FORMAT, bytes }
}

/// The fact behind the bytes.
pub fn decode(entry: &Entry) -> Result<Recorded, DecodeError> {
    let kind = entry.kind;
    if !Fact::knows(kind) {
        return Err(DecodeError::Kind(kind));
    }
    if entry.format > FORMAT {
        return Err(DecodeError::Format { kind, format: entry.format });
    }
    serde_json::from_slice(&entry.bytes).map_err(|source| DecodeError::Text { kind, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_core::fact::ReopenedRun;
    use windlass_core::model::UnixMs;

    #[test]
    fn a_fact_reads_as_it_was_written() {
        let recorded = Recorded { at: UnixMs(7), fact: Fact::EpochBegun { epoch: u64::MAX } };
        let entry = encode(&recorded);
        assert_eq!(entry.kind, 1);
        assert_eq!(decode(&entry).expect("it is whole"), recorded);
    }

    #[test]
    fn what_was_kept_for_a_time_and_forgotten_reads_as_it_was_written() {
        let request = windlass_core::model::Digest::of(b"{}");
        let used = |run| Fact::KeyUsed { key: "anna\nk1".to_owned(), request, run, deployment: None };
        let rows = [
            (90, Fact::DeliveriesForgotten { taken_until: UnixMs(5) }),
            (91, Fact::KeysForgotten { used_until: UnixMs(6) }),
            (92, Fact::LogsExpired { project: "shop".to_owned().try_into().expect("a name"), below: 7 }),
            (93, Fact::RunsExpired { project: "shop".to_owned().try_into().expect("a name"), below: 8 }),
            (94, used(None)),
            (94, used(Some("shop#7".parse().expect("a run")))),
        ];
        for (kind, fact) in rows {
            let recorded = Recorded { at: UnixMs(7), fact };
            let entry = encode(&recorded);
            assert_eq!(entry.kind, kind);
            assert_eq!(decode(&entry).expect("it is whole"), recorded);
        }
    }

    /// A run that is taken up again travels in a fact. What 0.1.0 writes of it stands beside this file.
    #[test]
    fn a_run_that_is_taken_up_again_reads_as_the_first_release_wrote_it() {
        let written = include_bytes!("jobs_retried.json");
        let recorded = decode(&Entry { kind: 72, format: 1, bytes: written.to_vec() }).expect("it is whole");
        let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).expect("JSON");
        assert_eq!(json(&encode(&recorded).bytes), json(written), "the same is written, and nothing else");
        let Fact::JobsRetried { reopened: Some(reopened), .. } = &recorded.fact else { panic!("another fact") };
        assert_eq!(
            ReopenedRun::of(&reopened.restored()).as_ref(),
            Some(reopened.as_ref()),
            "nothing is lost on the way"
        );
    }

    #[test]
    fn facts_of_a_newer_program_are_refused_by_name() {
        let entry = |kind, format| Entry { kind, format, bytes: b"{}".to_vec() };
        assert!(matches!(decode(&entry(999, 1)), Err(DecodeError::Kind(999))));
        assert!(matches!(decode(&entry(1, 2)), Err(DecodeError::Format { kind: 1, format: 2 })));
        assert!(matches!(decode(&entry(1, 1)), Err(DecodeError::Text { kind: 1, .. })));
    }
}
