use std::cmp::Reverse;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::encodings::{base64, others};
use super::{Masker, Needles};
use crate::model::{Secret, SecretName};

fn secrets(values: &[(&str, &[u8])]) -> Arc<Needles> {
    let made: Vec<(SecretName, Secret)> = values
        .iter()
        .map(|(name, value)| (SecretName::new(name).expect("a name"), Secret::new(value.to_vec()).expect("a value")))
        .collect();
    Arc::new(Needles::of(made.iter().map(|(name, secret)| (name, secret))))
}

/// Masks a stream that is read in these pieces.
fn masked(needles: &Arc<Needles>, pieces: &[&[u8]]) -> Vec<u8> {
    let (mut masker, mut out) = (Masker::new(Arc::clone(needles)), Vec::new());
    for piece in pieces {
        masker.push(piece, &mut |bytes| out.extend_from_slice(bytes));
    }
    masker.finish(&mut |bytes| out.extend_from_slice(bytes));
    out
}

fn text(needles: &Arc<Needles>, whole: &[u8]) -> String {
    String::from_utf8_lossy(&masked(needles, &[whole])).into_owned()
}

#[test]
fn a_secret_is_masked_and_all_else_is_as_it_was() {
    let needles = secrets(&[("KEY", b"hunter22"), ("OTHER", b"correct horse")]);
    for (seen, expected) in [
        ("", ""),
        ("nothing to see\n", "nothing to see\n"),
        ("key hunter22.\n", "key [masked:KEY].\n"),
        ("hunter22hunter22", "[masked:KEY][masked:KEY]"),
        ("hunter2 hunter23 hunte", "hunter2 hunter23 hunte"),
        ("a correct horse, hunter22", "a [masked:OTHER], [masked:KEY]"),
        ("hhhhunter22", "hhh[masked:KEY]"),
        ("HUNTER22", "HUNTER22"),
    ] {
        assert_eq!(text(&needles, seen.as_bytes()), expected, "{seen}");
    }
}

#[test]
fn the_longest_wins_and_overlaps_become_one() {
    let needles = secrets(&[("SHORT", b"abcabc"), ("LONG", b"xabcabcx"), ("NEXT", b"bcxyz0")]);
    for (seen, expected) in [
        ("abcabc", "[masked:SHORT]"),
        ("xabcabcx", "[masked:LONG]"),
        ("abcabcabc", "[masked:SHORT]"),
        ("..xabcabcxyz0..", "..[masked:LONG].."),
        ("..abcabcxyz0..", "..[masked:SHORT].."),
        ("abcxyz0", "a[masked:NEXT]"),
    ] {
        assert_eq!(text(&needles, seen.as_bytes()), expected, "{seen}");
    }
}

#[test]
fn a_beginning_is_held_until_it_is_refuted_or_the_stream_ends() {
    let needles = secrets(&[("KEY", b"hunter22")]);
    let (mut masker, mut out) = (Masker::new(needles), Vec::new());
    let mut seen = |masker: &mut Masker, piece: &[u8]| {
        masker.push(piece, &mut |bytes| out.extend_from_slice(bytes));
        String::from_utf8_lossy(&out).into_owned()
    };
    assert_eq!(seen(&mut masker, b"key hunt"), "key ");
    assert_eq!(seen(&mut masker, b"er"), "key ");
    assert_eq!(seen(&mut masker, b"!hun"), "key hunter!");
    assert_eq!(seen(&mut masker, b"ter22"), "key hunter![masked:KEY]");
    assert_eq!(seen(&mut masker, b"hunter"), "key hunter![masked:KEY]");
    masker.finish(&mut |bytes| out.extend_from_slice(bytes));
    assert_eq!(String::from_utf8_lossy(&out), "key hunter![masked:KEY][masked:KEY]", "six bytes at the end are masked");
    assert_eq!(text(&secrets(&[("KEY", b"hunter22")]), b"hunte"), "hunte", "five are not");
}

/// What each tool makes of `p@ss "w'rd\/ <é>$1`.
#[test]
fn every_listed_encoding_is_masked() {
    let value = "p@ss \"w'rd\\/ <é>$1";
    let needles = secrets(&[("KEY", value.as_bytes())]);
    for (what, form) in [
        ("as it is", value),
        ("base64", "cEBzcyAidydyZFwvIDzDqT4kMX"),
        ("base64 behind one byte", "BAc3MgIncncmRcLyA8w6k+JDF5"),
        ("base64 behind two, in lines", "wQHNz\nICJ3J3Jk\r\nXC8gPMOp\nPiQx"),
        ("base64url behind one byte", "BAc3MgIncncmRcLyA8w6k-JDF5"),
        ("hex", "704073732022772772645c2f203cc3a93e2431"),
        ("HEX", "704073732022772772645C2F203CC3A93E2431"),
        ("quote, nothing safe", "p%40ss%20%22w%27rd%5C%2F%20%3C%C3%A9%3E%241"),
        ("quote", "p%40ss%20%22w%27rd%5C/%20%3C%C3%A9%3E%241"),
        ("quote, lower case", "p%40ss%20%22w%27rd%5c/%20%3c%c3%a9%3e%241"),
        ("encodeURIComponent", "p%40ss%20%22w'rd%5C%2F%20%3C%C3%A9%3E%241"),
        ("a form", "p%40ss+%22w%27rd%5C%2F+%3C%C3%A9%3E%241"),
        ("JSON", "p@ss \\\"w'rd\\\\/ <é>$1"),
        ("JSON in ASCII", "p@ss \\\"w'rd\\\\/ <\\u00e9>$1"),
        ("JSON of Go", "p@ss \\\"w'rd\\\\/ \\u003cé\\u003e$1"),
        ("JSON of PHP", "p@ss \\\"w'rd\\\\\\/ <\\u00e9>$1"),
        ("set -x", "p@ss \"w'\\''rd\\/ <é>$1"),
        ("shlex", "p@ss \"w'\"'\"'rd\\/ <é>$1"),
        ("printf %q", "p@ss\\ \\\"w\\'rd\\\\/\\ \\<é\\>\\$1"),
        ("double quotes", "p@ss \\\"w'rd\\\\/ <é>\\$1"),
    ] {
        let seen = text(&needles, format!("[{form}]").as_bytes());
        let hidden = seen.replace("[masked:KEY]", "");
        // At both ends of base64 a character may depend on the neighbours.
        assert!(seen.contains("[masked:KEY]") && hidden.len() <= 4, "{what}: {seen}");
    }
    let seen = text(&secrets(&[("KEY", b"line one\nit's\ttwo")]), b"$'line one\\nit\\'s\\ttwo'");
    assert_eq!(seen, "$'[masked:KEY]'");
}

#[test]
fn each_line_of_a_key_is_masked_but_not_its_frame() {
    let key = b"-----BEGIN KEY-----\nMIIabcdef\nshort\nlast line here\n-----END KEY-----\n";
    let needles = secrets(&[("KEY", key)]);
    assert_eq!(text(&needles, key), "[masked:KEY]");
    let seen = text(&needles, b"-----BEGIN KEY-----\n> MIIabcdef\n> short\n> last line here\n-----END KEY-----\n");
    assert_eq!(seen, "-----BEGIN KEY-----\n> [masked:KEY]\n> short\n> [masked:KEY]\n-----END KEY-----\n");
    assert_eq!(
        text(&secrets(&[("KEY", b"hunter22\n")]), b"hunter22!"),
        "[masked:KEY]!",
        "the last line break is no matter"
    );
}

#[test]
fn base64_over_lines_is_found_and_two_texts_are_not_joined() {
    let needles = secrets(&[("KEY", b"a value of some length")]);
    let form = String::from_utf8(base64(b"a value of some length").swap_remove(0)).expect("ASCII");
    let (left, right) = form.split_at(10);
    assert_eq!(text(&needles, format!("{left}\n{right}\nend").as_bytes()), "[masked:KEY]\nend");
    assert_eq!(text(&needles, format!("{left}\r\n\r\n{right}").as_bytes()), "[masked:KEY]");
    let apart = format!("{left}\n\n\n\n\n{right}");
    assert_eq!(text(&needles, apart.as_bytes()), apart);
}

#[test]
fn outputs_are_looked_through() {
    let needles = secrets(&[("KEY", b"hunter22")]);
    assert_eq!(needles.found_in(b"x=hunter2"), None);
    assert_eq!(needles.found_in(b"x=hunter22").map(SecretName::as_str), Some("KEY"));
    assert_eq!(needles.found_in(b"x=68756e7465723232").map(SecretName::as_str), Some("KEY"));
    assert!(secrets(&[]).found_in(b"anything").is_none());
}

/// The definition, slowly: all needles of the whole text, those that overlap joined, and a tail that begins one.
fn by_definition(values: &[(&str, Vec<u8>)], text: &[u8]) -> Vec<u8> {
    let mut spots: Vec<(usize, usize, (usize, Reverse<usize>))> = Vec::new();
    let mut tail: Option<(usize, usize)> = None;
    for (name, (_, value)) in values.iter().enumerate() {
        let mut forms = others(value);
        forms.push(value.clone());
        for form in forms {
            spots.extend(
                (0..text.len())
                    .filter(|at| text[*at..].starts_with(&form))
                    .map(|at| (at, at + form.len(), (form.len(), Reverse(name)))),
            );
            let begins = (0..text.len()).find(|at| text.len() - at < form.len() && form.starts_with(&text[*at..]));
            let begins = begins.filter(|at| text.len() - at >= 6).map(|at| (at, name));
            tail = [tail, begins].into_iter().flatten().min();
        }
    }
    spots.extend(tail.map(|(at, name)| (at, text.len(), (text.len() - at, Reverse(name)))));
    spots.sort();
    let (mut out, mut given, mut open) = (Vec::new(), 0, None::<(usize, (usize, Reverse<usize>))>);
    let write = |out: &mut Vec<u8>, name: usize| out.extend(format!("[masked:{}]", values[name].0).bytes());
    for (start, end, rank) in spots {
        match &mut open {
            Some((until, best)) if start < *until => (*until, *best) = ((*until).max(end), (*best).max(rank)),
            open => {
                if let Some((until, best)) = open.take() {
                    write(&mut out, best.1.0);
                    given = until;
                }
                out.extend_from_slice(&text[given..start]);
                *open = Some((end, rank));
            }
        }
    }
    if let Some((until, best)) = open {
        write(&mut out, best.1.0);
        given = until;
    }
    out.extend_from_slice(&text[given..]);
    out
}

/// Few letters, so that beginnings, overlaps and repetitions are frequent.
fn letters(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(b'a'), Just(b'b'), Just(b' ')], len)
}

proptest! {
    #[test]
    fn at_all_splits_of_64_bytes_the_result_is_that_of_the_whole(
        first in letters(6..12),
        second in letters(6..9),
        whole in letters(64..65),
        at in 0..64_usize,
    ) {
        let mut whole = whole;
        whole.splice(at..(at + first.len()).min(64), first.iter().copied());
        whole.truncate(64);
        let needles = secrets(&[("FIRST", &first), ("SECOND", &second)]);
        let expected = masked(&needles, &[&whole]);
        for cut in 0..=whole.len() {
            let (left, right) = whole.split_at(cut);
            prop_assert_eq!(&masked(&needles, &[left, right]), &expected, "cut at {}", cut);
        }
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        prop_assert_eq!(&masked(&needles, &bytes), &expected, "byte by byte");
        for value in [&first, &second] {
            prop_assert!(!expected.windows(value.len()).any(|part| part == &value[..]));
        }
    }

    #[test]
    fn any_pieces_of_encoded_secrets_give_what_the_definition_says(
        first in letters(6..12),
        second in letters(6..20),
        between in vec(letters(0..8), 4),
        forms in vec(0..64_usize, 4),
        cuts in vec(1..9_usize, 1..40),
    ) {
        let values = [("FIRST", first.clone()), ("SECOND", second.clone())];
        let mut whole = Vec::new();
        for (text, form) in between.iter().zip(forms) {
            whole.extend_from_slice(text);
            let all = others(if form % 2 == 0 { &first } else { &second });
            whole.extend_from_slice(&all[form % all.len()]);
        }
        let needles = secrets(&[("FIRST", &first), ("SECOND", &second)]);
        let (mut pieces, mut rest) = (Vec::new(), &whole[..]);
        for cut in cuts {
            let (piece, more) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        pieces.push(rest);
        prop_assert_eq!(masked(&needles, &pieces), by_definition(&values, &whole));
    }

    #[test]
    fn base64_in_lines_is_masked_however_it_is_cut(
        value in vec(any::<u8>(), 6..80),
        before in 0..3_usize,
        width in 1..77_usize,
        cuts in vec(1..30_usize, 1..30),
    ) {
        // What follows the value decides about line breaks at its end.
        let value = [&value[..], b"."].concat();
        let needles = secrets(&[("KEY", &value)]);
        let form = base64(&value).swap_remove(before);
        let wrapped = form.chunks(width).collect::<Vec<_>>().join(&b"\r\n"[..]);
        let whole = [b"<", &wrapped[..], b">"].concat();
        let (mut pieces, mut rest) = (Vec::new(), &whole[..]);
        for cut in cuts {
            let (piece, more) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        pieces.push(rest);
        let seen = masked(&needles, &pieces);
        prop_assert_eq!(String::from_utf8_lossy(&seen), "<[masked:KEY]>");
    }

    #[test]
    fn hostile_bytes_neither_panic_nor_depend_on_their_cuts(
        value in vec(any::<u8>(), 6..40),
        whole in vec(any::<u8>(), 0..200),
        cut in 0..200_usize,
    ) {
        let needles = secrets(&[("KEY", &value)]);
        let (left, right) = whole.split_at(cut.min(whole.len()));
        prop_assert_eq!(masked(&needles, &[left, right]), masked(&needles, &[&whole]));
    }
}
