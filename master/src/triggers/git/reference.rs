//! The grammar of refs: what git itself would accept as a plain name, and nothing that it could take for an option or an expression.

/// The most bytes of a ref.
const REF_BYTES: usize = 255;

/// True for the name of a branch or tag without `refs/heads/` or `refs/tags/`.
pub fn is_branch(name: &str) -> bool {
    name.len() <= REF_BYTES - "refs/heads/".len() && name != "@" && name != "HEAD" && parts_are_plain(name)
}

/// True for the full name of a branch or tag: `refs/heads/main`.
pub fn is_full(name: &str) -> bool {
    let short = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/"));
    short.is_some_and(is_branch)
}

fn parts_are_plain(name: &str) -> bool {
    let bad = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    let part_is_plain = |part: &str| {
        !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with('.') && !part.ends_with(".lock")
    };
    !name.contains(bad) && !name.contains("..") && !name.contains("@{") && name.split('/').all(part_is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_refs() {
        for name in ["main", "release/1.2", "feature/ümlaut", "a@b", "x-y_z"] {
            assert!(is_branch(name), "{name}");
        }
        assert!(is_full("refs/heads/main") && is_full("refs/tags/v1.0"));
    }

    #[test]
    fn what_git_could_take_for_an_option_or_an_expression_is_refused() {
        let long = "a".repeat(256);
        let bad = [
            "",
            "--upload-pack=id",
            "-c core.sshCommand=",
            "@{-1}",
            "a..b",
            ":/text",
            "HEAD^{/x}",
            "HEAD",
            "@",
            "a b",
            "a\nb",
            "a/",
            "/a",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a~1",
            "a*",
            "a/-b",
            &long,
        ];
        for name in bad {
            assert!(!is_branch(name), "{name}");
            assert!(!is_full(&format!("refs/heads/{name}")), "{name}");
        }
        for name in ["main", "refs/pull/1/head", "refs/heads/", "HEAD", "refs/windlass/x"] {
            assert!(!is_full(name), "{name}");
        }
    }
}
