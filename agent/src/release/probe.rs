//! Asking a service: what a gate samples and what identity names.

use std::path::Path;

use windlass_core::deploy::gate::Sample;
use windlass_core::model::{Duration, Probe, Running};

use super::command::{self, Call, End, Env, Leftovers};
use super::http;
use super::layout::is_release_name;
use super::log::shown;
use super::place::Place;
use super::tcp;

/// The most bytes of a command's output that are looked at.
const OUTPUT_MAX: usize = 64 * 1024;
/// The most characters of foreign text in a line of ours.
const TEXT_MAX: usize = 200;

/// From where a service is asked.
#[derive(Debug, Clone, Copy)]
pub struct Prober<'a> {
    /// With the address to ask on this host.
    pub place: &'a Place,
    /// Where commands run.
    pub dir: &'a Path,
    /// Of commands.
    pub env: &'a Env,
}

/// What the service said.
enum Heard {
    /// It answered as it should.
    Fine { text: String, headers: Vec<String> },
    /// It answered otherwise, which names nothing, or not at all.
    Amiss(String),
    /// It could not be asked.
    NotAsked(String),
}

impl Prober<'_> {
    /// One sample of a gate.
    pub fn gate(&self, probe: &Probe, timeout: Duration) -> Sample {
        match self.ask(probe, timeout) {
            Heard::Fine { .. } => Sample::Good,
            Heard::Amiss(why) => Sample::Bad(why),
            Heard::NotAsked(why) => Sample::Missing(why),
        }
    }

    /// One sample of identity: good when it names `release`.
    pub fn identity(&self, probe: &Probe, timeout: Duration, release: &str) -> (Running, Sample) {
        let named = match self.ask(probe, timeout) {
            Heard::Fine { text, headers } => named(release, &text, &headers),
            Heard::Amiss(why) => return (Running::Nothing, Sample::Bad(why)),
            Heard::NotAsked(why) => return (Running::Nothing, Sample::Missing(why)),
        };
        let sample = match &named {
            Running::Release(name) if name == release => Sample::Good,
            Running::Release(name) => Sample::Foreign(name.clone()),
            Running::Other(text) => Sample::Bad(format!("it names no release but {text:?}")),
            Running::Nothing => Sample::Bad("it names nothing".to_owned()),
        };
        (named, sample)
    }

    fn ask(&self, probe: &Probe, timeout: Duration) -> Heard {
        match probe {
            Probe::Http(url) => heard_http(http::get(&self.place.url(url), timeout)),
            Probe::Tcp(endpoint) => match tcp::connect(&self.place.endpoint(endpoint), timeout) {
                Ok(()) => Heard::Fine { text: String::new(), headers: Vec::new() },
                Err(why) => Heard::Amiss(shown(&why, TEXT_MAX)),
            },
            Probe::Command(argv) => {
                let mut output = Vec::new();
                let call = Call { argv, dir: self.dir, env: self.env, timeout, leftovers: Leftovers::Kill };
                let end = command::run(call, &mut |bytes| {
                    output.extend(bytes.iter().take(OUTPUT_MAX - output.len().min(OUTPUT_MAX)));
                });
                heard_command(&end, &String::from_utf8_lossy(&output))
            }
        }
    }
}

fn heard_http(answer: Result<http::Answer, String>) -> Heard {
    match answer {
        Ok(http::Answer { status: 200..=299, headers, body, .. }) => Heard::Fine { text: body, headers },
        Ok(answer) => {
            let status = format!("{} {}", answer.status, answer.reason);
            Heard::Amiss(with_first_line(status.trim_end(), &answer.body))
        }
        Err(why) => Heard::Amiss(shown(&why, TEXT_MAX)),
    }
}

fn heard_command(end: &End, output: &str) -> Heard {
    match end {
        End::Exited(0) => Heard::Fine { text: output.to_owned(), headers: Vec::new() },
        End::Exited(_) | End::Signalled(_) | End::TimedOut(_) | End::NotFound(_) => {
            Heard::Amiss(with_first_line(&end.to_string(), output))
        }
        End::Trouble(_) => Heard::NotAsked(end.to_string()),
    }
}

fn with_first_line(what: &str, text: &str) -> String {
    match text.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => format!("{what}: {}", shown(line, TEXT_MAX)),
        None => what.to_owned(),
    }
}

/// What a good answer names: the wanted release if it stands anywhere, else any release, else the first words.
fn named(wanted: &str, text: &str, headers: &[String]) -> Running {
    let all = || std::iter::once(text).chain(headers.iter().map(String::as_str));
    if all().any(|text| text.contains(wanted)) {
        return Running::Release(wanted.to_owned());
    }
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    if let Some(other) = all().flat_map(|text| text.split(word)).find(|word| is_release_name(word)) {
        return Running::Release(other.to_owned());
    }
    match text.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => Running::Other(shown(line, 64)),
        None => Running::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_the_wanted_release_another_or_none() {
        let (r17, r18) = ("r17-90ab12cd", "r18-4f2a91c0");
        let release = |name: &str| Running::Release(name.to_owned());
        let rows = [
            ("r18-4f2a91c0\n", vec![], release(r18)),
            ("<p>r18-4f2a91c0</p>", vec![], release(r18)),
            ("hello", vec!["shop/r18-4f2a91c0"], release(r18)),
            ("r17-90ab12cd\n", vec![], release(r17)),
            ("{\"release\":\"r17-90ab12cd\"}", vec![], release(r17)),
            ("r118-4f2a91c0", vec![], release("r118-4f2a91c0")),
            ("\n welcome\n", vec![], Running::Other("welcome".to_owned())),
            ("", vec!["nginx"], Running::Nothing),
        ];
        for (text, headers, expected) in rows {
            let headers: Vec<String> = headers.into_iter().map(str::to_owned).collect();
            assert_eq!(named(r18, text, &headers), expected, "{text:?}");
        }
    }
}
