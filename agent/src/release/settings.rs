//! `windlass.env`: the settings of a release, for `EnvironmentFile=` of systemd and for `.` of a shell alike.

use std::collections::BTreeMap;

use super::error::{Error, Result};

/// Name of the file that names the release.
pub const RELEASE_FILE: &str = "WINDLASS_RELEASE";
/// Name of the file with the settings.
pub const SETTINGS_FILE: &str = "windlass.env";

/// Renders the settings. In double quotes both readers take the same four characters for special.
pub fn render(settings: &BTreeMap<String, String>) -> Result<String> {
    let mut text = String::new();
    for (name, value) in settings {
        check(name, value)?;
        text.push_str(name);
        text.push_str("=\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\' | '$' | '`') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push_str("\"\n");
    }
    Ok(text)
}

fn check(name: &str, value: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !first || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') || name.len() > 128 {
        return Err(Error::Unsupported(format!("setting {name:?}: its name is no name of an environment variable")));
    }
    if value.chars().any(|c| c.is_control() && c != '\t' && c != '\n') {
        return Err(Error::Unsupported(format!("setting {name}: its value has a control character")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_set() {
        let value = "a \"b\" $HOME `id` \\n 'c'\nsecond line\t#";
        let settings = BTreeMap::from([("ODD".to_owned(), value.to_owned())]);
        let script = format!("{}printf %s \"$ODD\"", render(&settings).expect("a good setting"));
        let output = std::process::Command::new("/bin/sh").args(["-ec", &script]).output().expect("a shell");
        assert_eq!(String::from_utf8_lossy(&output.stdout), value);
    }

    #[test]
    fn what_is_no_variable_is_refused() {
        for name in ["", "1A", "A-B", "A B", "A=B", "É"] {
            let settings = BTreeMap::from([(name.to_owned(), String::new())]);
            assert!(render(&settings).is_err(), "{name:?}");
        }
        assert!(render(&BTreeMap::from([("A".to_owned(), "\0".to_owned())])).is_err());
    }
}
