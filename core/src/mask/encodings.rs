//! How a value may look in the output of a step.
//!
//! | encoding | forms |
//! |---|---|
//! | base64 | standard and URL alphabet, at each of the three alignments; what is left out at the ends depends on the neighbours |
//! | hex | lower and upper case |
//! | percent | what RFC 3986, `encodeURIComponent`, `quote` of Python and a form leave as it is; both cases |
//! | JSON | the least escapes, only ASCII, as Go writes for HTML, as PHP writes slashes |
//! | shell | in single quotes (two ways to write `'`), in double quotes, with backslashes, `$'…'` |

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

/// All forms of base64. Line breaks inside are the finder's to ignore.
pub(super) fn base64(value: &[u8]) -> Vec<Vec<u8>> {
    let aligned = |alphabet| (0..3).map(move |before| sextets(value, before, alphabet));
    aligned(STANDARD).chain(aligned(URL)).collect()
}

/// The characters that the value alone decides when so many bytes stand before it in the same text.
fn sextets(value: &[u8], before: usize, alphabet: &[u8; 64]) -> Vec<u8> {
    let skipped = (6 - before * 8 % 6) % 6;
    let count = (value.len() * 8 - skipped) / 6;
    let bit = |at: usize| (value[at / 8] >> (7 - at % 8)) & 1;
    let sextet = |at: usize| (0..6).fold(0_usize, |sum, bit_at| (sum << 1) | usize::from(bit(at + bit_at)));
    (0..count).map(|at| alphabet[sextet(skipped + at * 6)]).collect()
}

/// All other forms; many are the same for a plain value.
pub(super) fn others(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![hex(value, LOWER), hex(value, UPPER)];
    for digits in [LOWER, UPPER] {
        for kept in [&b"-._~"[..], b"-._~/", b"-_.!~*'()", b"*-._"] {
            forms.push(percent(value, kept, digits, b"%20"));
        }
        forms.push(percent(value, b"*-._", digits, b"+"));
    }
    if let Ok(text) = std::str::from_utf8(value) {
        forms.extend([Json::Least, Json::Ascii, Json::Html, Json::Slashes].map(|kind| json(text, kind)));
    }
    forms.extend(shell(value));
    forms
}

fn hex(value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    value.iter().flat_map(|byte| pair(*byte, digits)).collect()
}

fn pair(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]
}

fn percent(value: &[u8], kept: &[u8], digits: &[u8; 16], space: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() * 3);
    for byte in value {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            out.push(*byte);
        } else if *byte == b' ' {
            out.extend_from_slice(space);
        } else {
            out.push(b'%');
            out.extend(pair(*byte, digits));
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Json {
    Least,
    Ascii,
    Html,
    Slashes,
}

fn json(text: &str, kind: Json) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    for each in text.chars() {
        let short = match each {
            '"' => Some("\\\""),
            '\\' => Some("\\\\"),
            '\n' => Some("\\n"),
            '\r' => Some("\\r"),
            '\t' => Some("\\t"),
            '\u{8}' => Some("\\b"),
            '\u{c}' => Some("\\f"),
            '/' if kind == Json::Slashes => Some("\\/"),
            _ => None,
        };
        let by_number = u32::from(each) < 0x20
            || (kind == Json::Html && matches!(each, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'))
            || (matches!(kind, Json::Ascii | Json::Slashes) && !each.is_ascii());
        match short {
            Some(escape) => out.extend_from_slice(escape.as_bytes()),
            None if by_number => {
                for unit in each.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(b"\\u");
                    out.extend(unit.to_be_bytes().into_iter().flat_map(|byte| pair(byte, LOWER)));
                }
            }
            None => out.extend_from_slice(each.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}

/// Without the quotes around it: between them the value stands as a whole.
fn shell(value: &[u8]) -> [Vec<u8>; 5] {
    let replaced = |with: &dyn Fn(u8) -> Option<Vec<u8>>| {
        value.iter().flat_map(|byte| with(*byte).unwrap_or_else(|| vec![*byte])).collect::<Vec<u8>>()
    };
    let escaped = |byte: u8| Some(vec![b'\\', byte]);
    let special = b" \t!\"$&'()*,;<>?[\\]^`{|}";
    [
        replaced(&|byte| (byte == b'\'').then(|| b"'\\''".to_vec())),
        replaced(&|byte| (byte == b'\'').then(|| b"'\"'\"'".to_vec())),
        replaced(&|byte| if b"\"\\$`".contains(&byte) { escaped(byte) } else { None }),
        replaced(&|byte| if special.contains(&byte) { escaped(byte) } else { None }),
        replaced(&|byte| match byte {
            b'\'' | b'\\' => escaped(byte),
            b'\n' => escaped(b'n'),
            b'\r' => escaped(b'r'),
            b'\t' => escaped(b't'),
            0x07 => escaped(b'a'),
            0x08 => escaped(b'b'),
            0x0b => escaped(b'v'),
            0x0c => escaped(b'f'),
            0x1b => escaped(b'E'),
            0..0x20 | 0x7f => Some(format!("\\{byte:03o}").into_bytes()),
            _ => None,
        }),
    ]
}
