//! Paths and globs. A path of a pipeline stays inside the repository or workspace; only the root of a service is absolute.

use globset::{GlobBuilder, GlobMatcher};

use super::limits::{PATH_BYTES, PATH_PART_BYTES};
use super::read::Reader;
use super::spec::{At, Globs, Pattern, Span};
use super::words::quote;
use super::yaml::Node;
use crate::model::Code;

impl Reader<'_> {
    /// A path inside the workspace; `.` is the workspace.
    pub(super) fn inside(&mut self, text: &str, at: Span, key: &str) -> Option<String> {
        if text == "." {
            return Some(text.to_owned());
        }
        let trimmed = text.strip_suffix('/').unwrap_or(text);
        match outside(trimmed) {
            None => Some(trimmed.to_owned()),
            Some(why) => {
                self.bad_path(text, at, key, why, "write it from the root of the repository, as `dist/shop.tar`");
                None
            }
        }
    }

    /// An absolute path below the root of the file system.
    pub(super) fn absolute(&mut self, text: &str, at: Span, key: &str) -> Option<String> {
        let rest = text.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
        let why = rest.map_or(Some("is not absolute"), outside);
        match why {
            None => rest.map(|rest| format!("/{rest}")),
            Some(why) => {
                self.bad_path(text, at, key, why, "write a folder as `/srv/shop`");
                None
            }
        }
    }

    fn bad_path(&mut self, text: &str, at: Span, key: &str, why: &str, hint: &str) {
        self.findings.error(at, Code::BadPath, format!("the path {} of `{key}` {why}", quote(text)), hint);
    }

    /// Patterns of which the last match decides; `!` excludes.
    pub(super) fn globs(&mut self, node: &Node, key: &str) -> Option<Globs> {
        let texts = self.texts(node, key)?;
        let patterns: Vec<Pattern> = texts.iter().filter_map(|text| self.pattern(text, key)).collect();
        if texts.is_empty() || patterns.iter().all(|pattern| pattern.excludes) && patterns.len() == texts.len() {
            self.findings.error(node.span, Code::BadGlob, format!("nothing can match `{key}`"), "begin with `\"**\"`");
            return None;
        }
        Some(Globs(patterns))
    }

    fn pattern(&mut self, text: &At<String>, key: &str) -> Option<Pattern> {
        let excludes = text.value.starts_with('!');
        let matcher = self.glob(text.value.strip_prefix('!').unwrap_or(&text.value), text.span, key)?;
        Some(Pattern { text: text.value.clone(), excludes, matcher })
    }

    /// Globs of files inside the workspace; they exclude nothing.
    pub(super) fn file_globs(&mut self, node: &Node, key: &str) -> Option<Vec<String>> {
        let texts = self.texts(node, key)?;
        if texts.is_empty() {
            self.wrong_type(node, &format!("`{key}`"), "at least one glob");
        }
        let checked = texts.into_iter().filter_map(|At { value, span }| {
            if value.starts_with('!') {
                self.findings.error(
                    span,
                    Code::BadGlob,
                    format!("the glob {} excludes", quote(&value)),
                    "here globs only take files in",
                );
                return None;
            }
            self.glob(&value, span, key)?;
            self.inside(&value, span, key)
        });
        Some(checked.collect())
    }

    fn glob(&mut self, text: &str, at: Span, key: &str) -> Option<GlobMatcher> {
        if text.is_empty() || text.len() > PATH_BYTES {
            self.findings.error(at, Code::BadGlob, format!("a glob of `{key}` has 1 to {PATH_BYTES} bytes"), "");
            return None;
        }
        match GlobBuilder::new(text).literal_separator(true).build() {
            Ok(glob) => Some(glob.compile_matcher()),
            Err(error) => {
                let hint = "quote a text that begins with `*`, `!`, `[` or `{`";
                self.findings.error(
                    at,
                    Code::BadGlob,
                    format!("the glob {} of `{key}`: {}", quote(text), error.kind()),
                    hint,
                );
                None
            }
        }
    }
}

/// True if a glob would not match this text alone.
pub(super) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Why a relative path is not plainly inside its folder.
fn outside(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("names no file");
    }
    if path.starts_with('/') {
        return Some("is absolute");
    }
    if path.len() > PATH_BYTES || path.split('/').any(|part| part.len() > PATH_PART_BYTES) {
        return Some("is longer than 1024 bytes, or a part of it than 255");
    }
    if path.chars().any(char::is_control) || path.contains('\\') {
        return Some("holds a backslash or control character");
    }
    path.split('/').any(|part| matches!(part, "" | "." | "..")).then_some("has a part that is empty, `.` or `..`")
}
