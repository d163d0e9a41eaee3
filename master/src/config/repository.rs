//! Which repositories the master reads: `https` and `ssh` URLs, and folders of its own host if `master.toml` says so.

/// Why a text is no repository, and the way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) text: String,
    pub(super) hint: &'static str,
}

fn wrong<T>(text: impl Into<String>, hint: &'static str) -> Result<T, Wrong> {
    Err(Wrong { text: text.into(), hint })
}

/// A repository as git is given it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repository {
    /// A URL as written, a folder as an absolute path.
    pub(super) git: String,
    /// It is a folder of this host.
    pub(super) local: bool,
}

/// An absolute folder is the operator's word that the master may read it; `local` may say so besides.
pub(super) fn check(git: &str, local: Option<bool>) -> Result<Repository, Wrong> {
    if git.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return wrong("a repository has no white space and no control characters", "percent-encode it in a URL");
    }
    let folder = git.strip_prefix("file://").unwrap_or(git);
    match (folder.starts_with('/'), local) {
        (true, Some(true) | None) => return folder_on_this_host(folder),
        (true, Some(false)) => {
            return wrong("it is a folder of this host, and `local` says no", "remove one of the two");
        }
        (false, Some(true)) => return wrong("`local = true` belongs to an absolute folder", "name the folder"),
        (false, Some(false) | None) => {}
    }
    let Some((scheme, rest)) = git.split_once("://") else {
        return wrong(
            format!("{git:?} is neither a URL nor an absolute folder"),
            "write https://… or ssh://user@host/path.git",
        );
    };
    match scheme {
        "https" => host(rest, false)?,
        "ssh" => host(rest, true)?,
        _ => return wrong(format!("{scheme:?} is not read"), "https and ssh are"),
    }
    Ok(Repository { git: git.to_owned(), local: false })
}

fn folder_on_this_host(folder: &str) -> Result<Repository, Wrong> {
    if folder.split('/').any(|part| part == "..") {
        return wrong("the folder has `..` in its path", "write the path without it");
    }
    Ok(Repository { git: folder.to_owned(), local: true })
}

/// Host and user begin with no dash, so that no program takes them for an option, and hold no password.
fn host(rest: &str, may_have_user: bool) -> Result<(), Wrong> {
    let (authority, _path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            return wrong("a URL holds no password", "credentials come in a later version; use a key of the host");
        }
        Some(_) if !may_have_user => return wrong("an https URL holds no user", "remove it"),
        Some((user, _)) if !is_plain(user) => {
            return wrong(format!("{user:?} is not a user"), "a-z, 0-9, `.`, `_`, `-`");
        }
        Some((_, host)) => host,
        None => authority,
    };
    let name = match host.split_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => name,
        Some((_, port)) => return wrong(format!("{port:?} is not a port"), "1 to 65535"),
        None => host,
    };
    if is_plain(name) {
        Ok(())
    } else {
        wrong(format!("{name:?} is not a host"), "an ASCII name; IDN hosts as xn--…")
    }
}

fn is_plain(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !text.is_empty() && !text.starts_with(['-', '.']) && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_ssh_and_allowed_folders_are_repositories() {
        for url in ["https://git.example.org/shop.git", "ssh://git@git.example.org:2222/shop/shop.git"] {
            assert_eq!(check(url, None), Ok(Repository { git: url.to_owned(), local: false }));
        }
        for (folder, local) in [("/srv/git/shop.git", None), ("file:///srv/git/shop.git", Some(true))] {
            assert_eq!(check(folder, local), Ok(Repository { git: "/srv/git/shop.git".to_owned(), local: true }));
        }
    }

    #[test]
    fn hostile_repositories_are_refused() {
        let bad = [
            "ext::sh -c id",
            "ext::sh",
            "fd::17",
            "git://git.example.org/x",
            "http://git.example.org/x",
            "ssh://-oProxyCommand=x/",
            "ssh://-oProxyCommand@host/x",
            "https://user:secret@git.example.org/x",
            "https://token@git.example.org/x",
            "https://git.example.org:99999/x",
            "https://bücher.example/x",
            "https://git.example.org/x\ny",
            "https:///x",
            "git@git.example.org:shop.git",
            "relative/folder",
            "${HOME}/shop",
            "--upload-pack=id",
            "",
        ];
        for git in bad {
            assert!(check(git, None).is_err(), "{git}");
        }
        for (git, local) in [("/srv/git", Some(false)), ("https://h/x", Some(true)), ("/srv/../etc", None)] {
            assert!(check(git, local).is_err(), "{git} {local:?}");
        }
    }
}
