//! Paths in normal form: one spelling for one thing, so that no second spelling can meet another decision.

/// True if the path is in normal form: no empty, `.` or `..` part, no `;` or backslash, and nothing percent-encoded that would change
/// where a part ends or begins.
pub(super) fn is_normal(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let part_is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    rest.split('/').all(part_is_plain) && !path.contains([';', '\\']) && encoded_bytes_are_harmless(path)
}

fn encoded_bytes_are_harmless(path: &str) -> bool {
    let mut parts = path.split('%');
    parts.next();
    parts.all(|part| {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        byte.is_some_and(|byte| !byte.is_ascii_control() && !b"/.%;\\".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::is_normal;

    #[test]
    fn only_one_spelling_of_a_path_is_normal() {
        for path in ["/api/v1/runs/shop.42", "/healthz", "/api/v1/runs/shop.42/jobs/production~change%40web1"] {
            assert!(is_normal(path), "{path}");
        }
        let mutated = [
            "",
            "/",
            "api",
            "//api",
            "/api//v1",
            "/api/v1/",
            "/res/../admin/x",
            "/./api",
            "/%2e%2e/",
            "/api/%2E",
            "/api/v1/runs/shop%2F42",
            "/api%00",
            "/api%0a",
            "/api/v1/runs;.jsp",
            "/api%3bx",
            "/api\\v1",
            "/api%5c",
            "/api%252e",
            "/api%zz",
            "/api%2",
        ];
        for path in mutated {
            assert!(!is_normal(path), "{path}");
        }
    }
}
