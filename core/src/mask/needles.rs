//! What must not be seen: every secret in each encoding that is looked for.

use super::encodings;
use super::finder::{Finder, Spot};
use super::unbroken::Unbroken;
use crate::model::{Secret, SecretName};

/// What is shorter is no needle: it would be found everywhere.
pub(super) const NEEDLE_MIN: usize = 6;

/// All needles of the secrets of an attempt. Made once, shared by all its streams.
pub struct Needles {
    names: Vec<SecretName>,
    /// Found as they stand.
    plain: Finder,
    /// Base64: found also where line breaks stand inside.
    wrapped: Finder,
}

impl Needles {
    /// The value; each line of one that has several, but for `-----` lines; and its encodings.
    pub fn of<'a>(secrets: impl IntoIterator<Item = (&'a SecretName, &'a Secret)>) -> Self {
        let (mut names, mut plain, mut wrapped) = (Vec::new(), Vec::new(), Vec::new());
        for (name, secret) in secrets {
            let number = u16::try_from(names.len()).expect("an envelope has at most 100 secrets");
            names.push(name.clone());
            let value = secret.expose();
            // A shell drops the line break at the end, so what is encoded is often the value without it.
            let trimmed = trim_end(value);
            let lines = value.split(|byte| *byte == b'\n').map(trim_end).filter(|line| !line.starts_with(b"-----"));
            plain.push((value.to_vec(), number));
            plain.extend([trimmed].into_iter().chain(lines).map(|part| (part.to_vec(), number)));
            plain.extend(encodings::others(trimmed).into_iter().map(|form| (form, number)));
            if !trimmed.is_empty() {
                wrapped.extend(encodings::base64(trimmed).into_iter().map(|form| (form, number)));
            }
        }
        Self { names, plain: Finder::new(plain), wrapped: Finder::new(wrapped) }
    }

    /// True if nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The secret that stands in this text, if one does.
    pub fn found_in(&self, text: &[u8]) -> Option<&SecretName> {
        let mut spots = Vec::new();
        self.scan(text, &mut spots);
        spots.first().map(|spot| self.name(spot.name))
    }

    pub(super) fn name(&self, number: u16) -> &SecretName {
        &self.names[usize::from(number)]
    }

    /// Collects needles that begin before the first place where the text may go on to be one; gives the tails that may, one of each kind.
    pub(super) fn scan(&self, text: &[u8], spots: &mut Vec<Spot>) -> [Option<Spot>; 2] {
        let plain = self.plain.scan(text, &mut |spot| spots.push(spot));
        let unbroken = Unbroken::of(text);
        let wrapped = self.wrapped.scan(unbroken.text(), &mut |spot| spots.push(unbroken.place(spot)));
        [plain, wrapped.map(|spot| unbroken.place(spot))]
    }
}

impl std::fmt::Debug for Needles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(&self.names).finish()
    }
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let kept = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    &bytes[..kept]
}
