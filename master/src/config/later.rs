//! Keys that the documentation names and this version does not carry out: written, they refuse the start instead of being ignored.

use toml::de::{DeTable, DeValue};

/// `*` stands for a name that the operator chose.
const LATER: &[&[&str]] = &[
    &["blobs"],
    &["retention", "artifacts"],
    &["retention", "keep_last"],
    &["locks"],
    &["notify"],
    &["smtp"],
    &["outgoing"],
    &["approvals"],
    &["http", "cert"],
    &["http", "key"],
    &["http", "public_names"],
    &["http", "trusted_proxies"],
    &["limits", "jobs_per_project"],
    &["projects", "*", "credential"],
    &["projects", "*", "forge"],
    &["projects", "*", "protected_refs"],
    &["projects", "*", "weight"],
    &["projects", "*", "upstream"],
    &["projects", "*", "locks"],
    &["projects", "*", "notify"],
];

/// A documented key that this version refuses, and where it begins in the text.
pub(super) struct Found {
    pub(super) key: String,
    pub(super) at: usize,
}

/// Every such key of the file.
pub(super) fn find(table: &DeTable<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for path in LATER {
        walk(table, path, &mut Vec::new(), &mut found);
    }
    found.sort_by_key(|found| found.at);
    found
}

fn walk<'t>(table: &'t DeTable<'_>, path: &[&str], names: &mut Vec<&'t str>, found: &mut Vec<Found>) {
    let Some((first, rest)) = path.split_first() else { return };
    for (key, value) in table.iter().filter(|(key, _)| *first == "*" || key.get_ref() == first) {
        names.push(key.get_ref());
        if rest.is_empty() {
            found.push(Found { key: names.join("."), at: key.span().start });
        } else if let DeValue::Table(inner) = value.get_ref() {
            walk(inner, rest, names, found);
        }
        names.pop();
    }
}
