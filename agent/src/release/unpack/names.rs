//! Which paths an archive may name, and which symlinks it may hold. Pure.

use std::collections::BTreeMap;

use super::archive::Limits;
use super::raw::Refusal;

/// The parts of a path inside the release; none for the release itself.
pub(super) type Parts = Vec<String>;

/// Reads the path of an entry. A leading `./`, as `tar` itself writes it, is dropped; anything else that is not plain refuses
/// the archive.
pub(super) fn parts(path: &[u8], limits: &Limits) -> Result<Parts, Refusal> {
    let refuse = |why: &'static str| Refusal::path(path, why);
    let text = std::str::from_utf8(path).map_err(|_| refuse("it is not UTF-8"))?;
    if text.len() > limits.path {
        return Err(refuse("it is too long"));
    }
    if text.as_bytes().get(1) == Some(&b':') {
        return Err(refuse("it names a drive"));
    }
    let text = match text.strip_prefix("./") {
        Some("") => return Ok(Parts::new()),
        Some(rest) => rest,
        None => text,
    };
    let parts: Parts = text.split('/').map(str::to_owned).collect();
    if parts.len() > limits.depth {
        return Err(refuse("it is too deep"));
    }
    match parts.iter().find_map(|part| fault_of(part, limits)) {
        Some(why) => Err(refuse(why)),
        None => Ok(parts),
    }
}

fn fault_of(part: &str, limits: &Limits) -> Option<&'static str> {
    let faults = [
        (part.is_empty(), "it is absolute or has an empty part"),
        (part == "." || part == "..", "it has a `.` or `..` part"),
        (part.ends_with(['.', ' ']), "a part ends with a dot or a space"),
        (part.len() > limits.part, "a part is too long"),
        (part.chars().any(char::is_control), "it has a control character"),
        (part.contains('\\'), "it has a backslash"),
    ];
    faults.into_iter().find_map(|(is_so, why)| is_so.then_some(why))
}

/// Checks where a symlink points: only upwards at first, never above the release, then only down. No chain of such links leaves
/// the release, because each begins in a real folder of it and goes through others of the same kind.
pub(super) fn link_target(at: &Parts, target: &[u8], limits: &Limits) -> Result<String, Refusal> {
    let refuse = |why: &'static str| Refusal::link(at, why);
    let text = std::str::from_utf8(target).map_err(|_| refuse("its target is not UTF-8"))?;
    if text.is_empty() || text.len() > limits.path {
        return Err(refuse("its target is empty or too long"));
    }
    let mut rest = text;
    let mut depth = at.len() - 1;
    while rest == ".." || rest.starts_with("../") {
        depth = depth.checked_sub(1).ok_or_else(|| refuse("its target lies outside"))?;
        rest = rest.strip_prefix("../").unwrap_or("");
    }
    let down = rest.strip_suffix('/').unwrap_or(rest);
    let plain = rest.is_empty() || down == "." || down.split('/').all(|part| fault_of(part, limits).is_none());
    if plain { Ok(text.to_owned()) } else { Err(refuse("its target is not a plain relative path inside")) }
}

/// What a path was seen as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A folder that only the paths below it name.
    Implied,
    /// A folder with an entry.
    Folder,
    /// A file or a symlink.
    Leaf,
}

/// All paths so far, by their form after case folding.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<String, (String, Kind)>);

impl Seen {
    /// Takes a new path and the folders above it; two of the same name, also after case folding, refuse the archive.
    pub(super) fn take(&mut self, parts: &Parts, kind: Kind) -> Result<(), Refusal> {
        for depth in 1..parts.len() {
            self.take_one(parts[..depth].join("/"), Kind::Implied)?;
        }
        self.take_one(parts.join("/"), kind)
    }

    fn take_one(&mut self, path: String, kind: Kind) -> Result<(), Refusal> {
        let folded = path.to_lowercase();
        let Some((spelt, before)) = self.0.get_mut(&folded) else {
            self.0.insert(folded, (path, kind));
            return Ok(());
        };
        if *spelt != path {
            return Err(Refusal::Twice(path));
        }
        match (*before, kind) {
            (Kind::Implied | Kind::Folder, Kind::Implied) => Ok(()),
            (Kind::Implied, Kind::Folder) => {
                *before = Kind::Folder;
                Ok(())
            }
            (Kind::Leaf, Kind::Implied | Kind::Folder | Kind::Leaf)
            | (Kind::Implied | Kind::Folder, Kind::Leaf)
            | (Kind::Folder, Kind::Folder) => Err(Refusal::Twice(path)),
        }
    }
}
