//! From the file, the environment and the flags to a checked configuration.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::check::Checker;
use super::checked::Config;
use super::error::{Error, Errors};
use super::file::{self, Demand};
use super::later;
use super::limits::FILE_BYTES;
use super::variables::Scalars;
use super::written::File;

/// Where operators put the file unless they say otherwise.
const DEFAULT_FILE: &str = "/etc/windlass/master.toml";

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The file; none: the default one, if it exists.
    pub file: Option<PathBuf>,
    /// Scalar keys set by flags.
    pub flags: Scalars,
    /// The process's environment.
    pub environment: Vec<(String, String)>,
}

/// Reads and checks everything.
pub fn load(source: Source) -> Result<Config, Errors> {
    let variables = Scalars::from_environment(source.environment).map_err(Errors)?;
    let above = source.flags.above(variables);
    let default = Path::new(DEFAULT_FILE);
    let path = source.file.or_else(|| default.exists().then(|| default.to_owned()));
    let Some(path) = path else { return Checker::new(None, "").config(File::default(), above) };
    let text = file::read(&path, Demand::NotWritableByOthers, FILE_BYTES).map_err(|error| {
        let hint = error.hint(&path);
        Errors(vec![Error { file: Some(path.clone()), line: None, key: String::new(), text: error.to_string(), hint }])
    })?;
    parse(&path, &text, above)
}

/// Checks the text of a file; `above` overrules it.
pub fn parse(path: &Path, text: &str, above: Scalars) -> Result<Config, Errors> {
    let mut checker = Checker::new(Some(path), text);
    if text.starts_with('\u{feff}') {
        checker.wrong(Some(0), "", "the file begins with a byte order mark", "save it as UTF-8 without one");
        return Err(checker.errors());
    }
    let table = DeTable::parse(text).map_err(|error| checker.syntax(&error))?;
    for found in later::find(table.get_ref()) {
        checker.wrong(Some(found.at), &found.key, "this key is not available in this version", "remove it");
    }
    if checker.is_wrong() {
        return Err(checker.errors());
    }
    let written: File = toml::from_str(text).map_err(|error| checker.syntax(&error))?;
    checker.config(written, above)
}
