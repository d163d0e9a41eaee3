//! How problems speak about foreign text, numbers and times.

use super::suggest;
use crate::model::Duration;

/// The most characters of foreign text that a problem repeats.
const ECHO_CHARS: usize = 64;
/// The most odd characters that a hint names.
const ODD_NAMED: usize = 4;

/// Foreign text between backquotes, as [`clip`] leaves it.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", clip(text))
}

/// Foreign text, cut, and with visible escapes for what a terminal would obey or hide.
pub(super) fn clip(text: &str) -> String {
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == ECHO_CHARS {
            out.push('…');
            break;
        }
        if is_plain(c) { out.push(c) } else { out.extend(c.escape_unicode()) }
    }
    out
}

/// True for what may stand on a terminal as it is.
pub(super) fn is_plain(c: char) -> bool {
    let reorders = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}');
    !(c.is_control() || reorders || matches!(c, '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'))
}

/// Names the characters that are not visible ASCII by their code points, because look-alikes cannot be seen.
pub(super) fn odd_characters(text: &str) -> Option<String> {
    let odd = text.chars().zip(1..).filter(|(c, _)| !c.is_ascii_graphic());
    let named: Vec<String> =
        odd.take(ODD_NAMED).map(|(c, n)| format!("U+{:04X} at character {n}", u32::from(c))).collect();
    (!named.is_empty()).then(|| format!("it holds {}", named.join(", ")))
}

/// `did you mean …?`, odd characters, else what stands in `otherwise`.
pub(super) fn did_you_mean<'c>(text: &str, known: impl IntoIterator<Item = &'c str>, otherwise: &str) -> String {
    let first = suggest::nearest(text, known).map(|near| format!("did you mean `{near}`?"));
    match (first, odd_characters(text)) {
        (Some(near), Some(odd)) => format!("{near} {odd}"),
        (Some(only), None) => only,
        (None, Some(odd)) if otherwise.is_empty() => odd,
        (None, Some(odd)) => format!("{otherwise}; {odd}"),
        (None, None) => otherwise.to_owned(),
    }
}

/// `a, b, c`, each between backquotes.
pub(super) fn listed<'c>(words: impl IntoIterator<Item = &'c str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// `10 days`, `1 hour 30 minutes`.
pub(super) fn time_in_words(time: Duration) -> String {
    const UNITS: [(&str, u64); 5] =
        [("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000), ("millisecond", 1)];
    let mut rest = time.ms();
    let mut parts = Vec::new();
    for (unit, size) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "0 seconds".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_cut_and_made_visible() {
        assert_eq!(quote("a\u{1b}[2Jb\u{202e}"), "`a\\u{1b}[2Jb\\u{202e}`");
        assert_eq!(quote(&"x".repeat(70)), format!("`{}…`", "x".repeat(64)));
        assert_eq!(
            odd_characters("n\u{435}eds\u{200b}").as_deref(),
            Some("it holds U+0435 at character 2, U+200B at character 6")
        );
        assert_eq!(odd_characters("a/b"), None);
    }

    #[test]
    fn times_are_read_aloud() {
        for (ms, words) in
            [(0, "0 seconds"), (864_000_000, "10 days"), (5_400_000, "1 hour 30 minutes"), (1, "1 millisecond")]
        {
            assert_eq!(time_in_words(Duration::from_ms(ms)), words);
        }
    }
}
