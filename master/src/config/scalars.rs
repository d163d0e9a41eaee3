//! Checks of single values: addresses, spans of time, sizes, names.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use toml::Spanned;
use windlass_core::model::Duration;

use super::check::{Checker, Scalar};
use super::checked::Sizes;
use super::limits::{
    AGENTS_LISTEN, BALLAST, BALLAST_RANGE, DATA_DIR, HTTP_LISTEN, LOG_PER_ATTEMPT, LOG_PER_ATTEMPT_RANGE, SEGMENT,
    SEGMENT_RANGE,
};
use super::written::Disk;

/// The file with the key that seals secrets.
const SECRET_KEY: &str = "secret.key";

impl Checker<'_> {
    /// Without TLS nobody but this host is listened to.
    pub(super) fn http_listen(&mut self, written: Option<Scalar>) -> SocketAddr {
        let at = written.as_ref().and_then(|scalar| scalar.at);
        let address = self.listen("http.listen", written, HTTP_LISTEN);
        if !address.ip().is_loopback() {
            let text = format!("{address} is not loopback, and TLS for HTTP is not available in this version");
            let hint = "listen on 127.0.0.1 and put a proxy that speaks TLS in front of it, with its https address as `public_url`";
            self.wrong(at, "http.listen", text, hint);
        }
        address
    }

    /// Agents are always met with mutual TLS, so any address will do.
    pub(super) fn agents_listen(&mut self, written: Option<Scalar>) -> SocketAddr {
        self.listen("agents.listen", written, AGENTS_LISTEN)
    }

    fn listen(&mut self, key: &str, written: Option<Scalar>, default: &str) -> SocketAddr {
        let (text, at) = written.map_or((default.to_owned(), None), |scalar| (scalar.value, scalar.at));
        text.parse().unwrap_or_else(|_| {
            let hint = format!("an IP address and a port, as {default:?}; port 0 takes a free one");
            self.wrong(at, key, format!("{text:?} is not an address to listen on"), hint);
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
        })
    }

    /// `https://cd.example.org`; plain `http` only for this host itself.
    pub(super) fn public_url(&mut self, written: Scalar) -> Option<String> {
        let Scalar { value, at } = written;
        let url = value.trim_end_matches('/');
        let (scheme, host) = url.split_once("://").unwrap_or(("", url));
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
        let on_this_host = name == "localhost" || name == "[::1]" || name.starts_with("127.");
        let text = match scheme {
            "https" | "http" if host.is_empty() || !host.bytes().all(plain) => "it is not the address of a host",
            "http" if !on_this_host => "without TLS nobody but this host can be told to come here",
            "https" | "http" => return Some(url.to_owned()),
            _ => "it is not a web address",
        };
        self.wrong(at, "public_url", text, "write for example \"https://cd.example.org\"");
        None
    }

    /// Beside `master.toml`, unless it says otherwise; without that file beside the data directory.
    pub(super) fn secret_key(&mut self, written: Option<Spanned<String>>, data_dir: &Path) -> PathBuf {
        let Some(written) = written else {
            let beside = self
                .path
                .and_then(|path| std::path::absolute(path).ok())
                .and_then(|path| Some(path.parent()?.join(SECRET_KEY)));
            let name = data_dir.file_name().map_or("windlass".into(), |name| name.to_string_lossy());
            return beside.unwrap_or_else(|| data_dir.with_file_name(format!("{name}.{SECRET_KEY}")));
        };
        let (at, path) = (written.span().start, PathBuf::from(written.into_inner()));
        if !path.is_absolute() {
            self.wrong(Some(at), "secrets.key_file", "it is not an absolute path", "begin it with /");
        } else if path.starts_with(data_dir) {
            let text = "it lies in the data directory, and so would come into every backup";
            self.wrong(Some(at), "secrets.key_file", text, "keep it apart, as /etc/windlass/secret.key");
        }
        path
    }

    /// A flag or variable may name it from the present folder, the file may not.
    pub(super) fn data_dir(&mut self, above: Option<PathBuf>, written: Option<Spanned<String>>) -> PathBuf {
        if let Some(path) = above {
            return std::path::absolute(&path).unwrap_or_else(|error| {
                self.wrong(None, "data_dir", format!("{path:?} is not a folder: {error}"), "");
                path
            });
        }
        let Some(written) = written else { return PathBuf::from(DATA_DIR) };
        let (at, value) = (written.span().start, written.into_inner());
        let path = PathBuf::from(&value);
        if !path.is_absolute() {
            self.wrong(
                Some(at),
                "data_dir",
                format!("{value:?} is not an absolute folder"),
                "nothing is expanded in it",
            );
        }
        path
    }

    /// The first label of the host's name unless the operator says otherwise.
    pub(super) fn name(&mut self, written: Option<Scalar>) -> String {
        let Some(Scalar { value, at }) = written else {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            return host.split('.').next().unwrap_or_default().to_owned();
        };
        if value.is_empty() || value.chars().count() > 63 || value.chars().any(char::is_control) {
            self.wrong(at, "name", "a name has 1 to 63 characters and no control characters", "");
        }
        value
    }

    /// A written span of time between two bounds.
    pub(super) fn span(
        &mut self,
        key: &str,
        written: Option<Scalar>,
        (least, most): (Duration, Duration),
    ) -> Option<Duration> {
        let Scalar { value, at } = written?;
        match Duration::parse(&value) {
            Ok(span) if (least..=most).contains(&span) => return Some(span),
            Ok(span) => self.wrong(at, key, format!("{span} is not between {least} and {most}"), ""),
            Err(error) => self.wrong(at, key, error.to_string(), ""),
        }
        None
    }

    /// The same for a value that no flag sets.
    pub(super) fn written_span(
        &mut self,
        key: &str,
        written: Option<Spanned<String>>,
        bounds: (Duration, Duration),
    ) -> Option<Duration> {
        let scalar = written.map(|value| Scalar { at: Some(value.span().start), value: value.into_inner() });
        self.span(key, scalar, bounds)
    }

    pub(super) fn log_per_attempt(&mut self, written: Option<Scalar>) -> u64 {
        self.size("limits.log_per_attempt", written, LOG_PER_ATTEMPT_RANGE).unwrap_or(LOG_PER_ATTEMPT)
    }

    /// What `[disk]` says.
    pub(super) fn sizes(&mut self, written: Disk) -> Sizes {
        let scalar = |written: Spanned<String>| Scalar { at: Some(written.span().start), value: written.into_inner() };
        let segment = self.size("disk.segment", written.segment.map(scalar), SEGMENT_RANGE);
        let ballast = self.size("disk.ballast", written.ballast.map(scalar), BALLAST_RANGE);
        Sizes { segment_bytes: segment.unwrap_or(SEGMENT), ballast_bytes: ballast.unwrap_or(BALLAST) }
    }

    /// A written size between two bounds.
    fn size(&mut self, key: &str, written: Option<Scalar>, (least, most): (u64, u64)) -> Option<u64> {
        let Scalar { value, at } = written?;
        match size(&value) {
            Some(bytes) if (least..=most).contains(&bytes) => return Some(bytes),
            Some(_) => {
                self.wrong(at, key, format!("{value} is not between {} and {}", in_words(least), in_words(most)), "");
            }
            None => self.wrong(at, key, format!("{value:?} is not a size"), "write for example \"64MiB\""),
        }
        None
    }
}

/// As people write it.
fn in_words(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fits = units.into_iter().find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    fits.map_or(format!("{bytes}B"), |(shift, unit)| format!("{}{unit}", bytes >> shift))
}

/// `64KiB`, `2MiB`, `10GiB`, `1TiB`, `512B`.
fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let shift = match &text[digits..] {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}
