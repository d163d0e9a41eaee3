//! The scalar keys that a flag or a variable may set above the file.

use std::path::PathBuf;

use super::error::Error;

/// What the variables of this program begin with.
const PREFIX: &str = "WINDLASS_MASTER_";

/// Scalar keys from one source above the file; none: not set there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scalars {
    /// `public_url`
    pub public_url: Option<String>,
    /// `name`
    pub name: Option<String>,
    /// `data_dir`
    pub data_dir: Option<PathBuf>,
    /// `http.listen`
    pub http_listen: Option<String>,
    /// `agents.listen`
    pub agents_listen: Option<String>,
    /// `agents.lost_after`
    pub agents_lost_after: Option<String>,
    /// `limits.log_per_attempt`
    pub limits_log_per_attempt: Option<String>,
}

impl Scalars {
    /// Takes the variables that begin with `WINDLASS_MASTER_`; one that matches no key is an error. `WINDLASS_MASTER_CONFIG` names the
    /// file and belongs to the command line.
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<Error>> {
        let mut scalars = Self::default();
        let mut errors = Vec::new();
        for (name, value) in variables {
            let Some(key) = name.strip_prefix(PREFIX) else { continue };
            match scalars.slot(key) {
                Some(slot) => *slot = Some(value),
                None if key == "CONFIG" => {}
                None if key == "DATA_DIR" => scalars.data_dir = Some(PathBuf::from(value)),
                None => errors.push(Error {
                    file: None,
                    line: None,
                    key: name,
                    text: "no scalar key of master.toml has this variable".to_owned(),
                    hint: "unset it; for example `http.listen` is WINDLASS_MASTER_HTTP_LISTEN".to_owned(),
                }),
            }
        }
        if errors.is_empty() { Ok(scalars) } else { Err(errors) }
    }

    /// What is set here, and for the rest what is set in `below`.
    pub(super) fn above(self, below: Self) -> Self {
        Self {
            public_url: self.public_url.or(below.public_url),
            name: self.name.or(below.name),
            data_dir: self.data_dir.or(below.data_dir),
            http_listen: self.http_listen.or(below.http_listen),
            agents_listen: self.agents_listen.or(below.agents_listen),
            agents_lost_after: self.agents_lost_after.or(below.agents_lost_after),
            limits_log_per_attempt: self.limits_log_per_attempt.or(below.limits_log_per_attempt),
        }
    }

    fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "PUBLIC_URL" => &mut self.public_url,
            "NAME" => &mut self.name,
            "HTTP_LISTEN" => &mut self.http_listen,
            "AGENTS_LISTEN" => &mut self.agents_listen,
            "AGENTS_LOST_AFTER" => &mut self.agents_lost_after,
            "LIMITS_LOG_PER_ATTEMPT" => &mut self.limits_log_per_attempt,
            _ => return None,
        })
    }
}
