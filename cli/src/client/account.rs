//! Which master, and with which token: `WINDLASS_URL` and `WINDLASS_TOKEN`, else `~/.config/windlass/client.toml` (mode 0600).

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A master and the token for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// `http://127.0.0.1:8470`, without a slash at the end.
    pub url: String,
    /// `wl_…`.
    pub token: String,
}

/// Never shows the token.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Account {
    /// Checks both; the token may go only where nobody can listen.
    pub fn new(url: &str, token: &str) -> Result<Self> {
        Ok(Self { url: address(url)?, token: checked_token(token)? })
    }

    /// From the environment, else from the file.
    pub fn find() -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match (variable("WINDLASS_URL"), variable("WINDLASS_TOKEN")) {
            (Some(url), Some(token)) => Self::new(&url, &token),
            (Some(url), None) => match Self::from_file(&file()?)? {
                Some(known) if known.url == address(&url)? => Ok(known),
                Some(_) | None => Err(Error::Usage {
                    text: format!("there is no token for {url}"),
                    hint: "set WINDLASS_TOKEN too, or windlass login URL".to_owned(),
                }),
            },
            (None, token) => {
                let known = Self::from_file(&file()?)?.ok_or(Error::NoMaster)?;
                Self::new(&known.url, &token.unwrap_or(known.token))
            }
        }
    }

    /// From this file; none if it is not there.
    fn from_file(path: &Path) -> Result<Option<Self>> {
        let failed = |source| Error::File { what: "read", path: path.to_owned(), source };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
        let wrong = |why: String, hint: String| Error::FileWrong { path: path.to_owned(), why, hint };
        if mode & 0o077 != 0 {
            return Err(wrong(format!("others may read it: mode {mode:03o}"), format!("chmod 600 {}", path.display())));
        }
        let known: Self = toml::from_str(&text)
            .map_err(|error| wrong(error.message().to_owned(), "windlass login URL writes it anew".to_owned()))?;
        Self::new(&known.url, &known.token).map(Some)
    }
}

/// Writes the client's file, for its owner alone.
pub fn remember(account: &Account, path: &Path) -> Result<()> {
    let failed = |source| Error::File { what: "write", path: path.to_owned(), source };
    let text = toml::to_string(account).expect("two texts are TOML");
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let new = path.with_extension("toml.new");
    let options = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
    options.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all())).map_err(failed)?;
    fs::rename(&new, path).map_err(failed)
}

/// `~/.config/windlass/client.toml`.
pub fn file() -> Result<PathBuf> {
    match std::env::var_os("HOME").filter(|home| !home.is_empty()) {
        Some(home) => Ok(PathBuf::from(home).join(".config/windlass/client.toml")),
        None => Err(Error::NoMaster),
    }
}

/// `https` anywhere, `http` only on this machine.
fn address(url: &str) -> Result<String> {
    let wrong =
        |hint: &str| Error::Usage { text: format!("{url:?} is not the address of a master"), hint: hint.to_owned() };
    let uri: ureq::http::Uri = url.parse().map_err(|_| wrong("write for example https://cd.example.org"))?;
    let host = uri.host().unwrap_or_default();
    let is_plain = uri.path_and_query().is_none_or(|path| path.as_str() == "/") && !url.contains(['@', '#']);
    if host.is_empty() || !is_plain {
        return Err(wrong("write scheme, host and port alone, as https://cd.example.org:8470"));
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_loopback(host) => {}
        Some("http") => return Err(wrong("a token goes over plain http only on this machine: write https://…")),
        Some(_) | None => return Err(wrong("it begins with https://, or on this machine with http://")),
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// True for this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn checked_token(token: &str) -> Result<String> {
    let token = token.trim();
    if token.starts_with("wl_") && token.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(token.to_owned());
    }
    Err(Error::Usage {
        text: "that is not an API token".to_owned(),
        hint: "it begins with wl_; `windlass-master init` printed the first one".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "wl_0123456789";

    #[test]
    fn a_token_goes_over_plain_http_only_on_this_machine() {
        for good in ["https://cd.example.org", "http://127.0.0.1:8470/", "http://localhost:1", "http://[::1]:8470"] {
            let account = Account::new(good, TOKEN).expect(good);
            assert_eq!(account.url, good.trim_end_matches('/'));
        }
        let bad =
            ["http://cd.example.org", "cd.example.org", "ftp://x", "https://u@h", "https://h/path", "", "http://"];
        for bad in bad {
            assert!(Account::new(bad, TOKEN).is_err(), "{bad}");
        }
        assert!(Account::new("http://127.0.0.1:1", "secret").is_err());
    }

    #[test]
    fn the_file_is_for_its_owner_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("windlass/client.toml");
        let account = Account::new("http://127.0.0.1:8470", TOKEN).expect("it is right");
        remember(&account, &path).expect("it can be written");
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Account::from_file(&path).expect("it is right"), Some(account.clone()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
        assert!(matches!(Account::from_file(&path), Err(Error::FileWrong { .. })));
        assert!(!format!("{account:?}").contains(TOKEN));
    }
}
