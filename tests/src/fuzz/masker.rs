//! Secrets in a stream that is cut anywhere.

use std::sync::Arc;

use fastrand::Rng;
use windlass_core::mask::{Masker, Needles};
use windlass_core::model::{Secret, SecretName};

/// Few letters, so that secrets overlap and begin in one another; none of them stands in a mask.
const LETTERS: &[u8] = b"xyz01/+ \n\"'\\%";

pub(super) fn case(rng: &mut Rng) -> Result<(), String> {
    let values: Vec<Vec<u8>> = (0..rng.usize(1..5)).map(|_| letters(rng, 6, 40)).collect();
    let names = ["ONE", "TWO", "THREE", "FOUR"].map(|name| SecretName::new(name).expect("a name"));
    let secrets: Vec<Secret> = values.iter().map(|value| Secret::new(value.clone()).expect("long enough")).collect();
    let needles = Arc::new(Needles::of(names.iter().zip(&secrets)));
    let text = text(rng, &values);
    let whole = masked(&needles, [&text[..]]);
    let pieces = masked(&needles, cut(rng, &text));
    if whole != pieces {
        return Err("what is seen depends on how the stream was cut".to_owned());
    }
    let lines = |value: &[u8]| value.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let wanted = values.iter().flat_map(|value| lines(value).into_iter().chain([value.clone(), hex(value)]));
    let seen = |needle: &[u8]| needle.len() >= 6 && whole.windows(needle.len()).any(|window| window == needle);
    match wanted.into_iter().find(|needle| seen(needle)) {
        Some(needle) => Err(format!("a secret gets through: {}", needle.escape_ascii())),
        None => Ok(()),
    }
}

fn masked<'a>(needles: &Arc<Needles>, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut masker, mut out) = (Masker::new(Arc::clone(needles)), Vec::new());
    for piece in pieces {
        masker.push(piece, &mut |bytes| out.extend_from_slice(bytes));
    }
    masker.finish(&mut |bytes| out.extend_from_slice(bytes));
    out
}

fn letters(rng: &mut Rng, least: usize, most: usize) -> Vec<u8> {
    let value: Vec<u8> = (0..rng.usize(least..most)).map(|_| LETTERS[rng.usize(..LETTERS.len())]).collect();
    // A value that ends in line breaks is looked for without them, too; that makes it shorter than the least.
    if value.trim_ascii_end().len() < least { b"xyz/xyz".to_vec() } else { value }
}

/// Secrets whole, in hex, cut short and run together, among noise.
fn text(rng: &mut Rng, values: &[Vec<u8>]) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..rng.usize(1..12) {
        let value = &values[rng.usize(..values.len())];
        match rng.u8(0..4) {
            0 => text.extend_from_slice(value),
            1 => text.extend(hex(value)),
            2 => text.extend_from_slice(&value[..rng.usize(..=value.len())]),
            _ => text.extend(letters(rng, 1, 12)),
        }
    }
    text
}

fn hex(value: &[u8]) -> Vec<u8> {
    let end = value.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    value[..end].iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn cut<'a>(rng: &mut Rng, mut text: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let (piece, rest) = text.split_at(rng.usize(1..=text.len().min(9)));
        pieces.push(piece);
        text = rest;
    }
    pieces
}
