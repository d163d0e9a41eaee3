//! What somebody may have meant.

/// Longer texts are not compared: nobody mistypes a name of that length.
const COMPARED_CHARS: usize = 64;

/// The candidate nearest to `text`, if it is near enough for a slip of the finger. Capitals are no difference.
pub(super) fn nearest<'c>(text: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wanted: Vec<char> = text.chars().take(COMPARED_CHARS + 1).flat_map(char::to_lowercase).collect();
    if wanted.is_empty() || wanted.len() > COMPARED_CHARS {
        return None;
    }
    let limit = (wanted.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= COMPARED_CHARS)
        .map(|candidate| (distance(&wanted, &candidate.to_lowercase().chars().collect::<Vec<_>>()), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. Only three rows are kept.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_found_and_a_stranger_is_not() {
        let names = ["runs-on", "run", "needs", "test", "timeout"];
        for (typed, meant) in [
            ("run-on", Some("runs-on")),
            ("tset", Some("test")),
            ("need", Some("needs")),
            ("tiemout", Some("timeout")),
            ("TIMEOUT", Some("timeout")),
            ("n\u{435}eds", Some("needs")),
            ("xyz", None),
            ("", None),
            ("elephant", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
        assert_eq!(nearest(&"x".repeat(100_000), names), None);
    }
}
