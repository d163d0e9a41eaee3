//! `services`: how what is deployed lives on its targets.

use std::collections::BTreeMap;

use super::keys;
use super::range;
use super::read::{Object, Reader};
use super::words::quote;
use super::yaml::{Entry, Node, Value};
use crate::model::release::KEEP_DEFAULT;
use crate::model::{Code, Duration, Gate, Hook, HookCommand, Probe, ServiceName, ServiceSpec};

const HOOKS: [Hook; 5] = [Hook::Preflight, Hook::Drain, Hook::Stop, Hook::Start, Hook::Undrain];
const HOOK_TIMEOUT: Duration = Duration::from_secs(30);

impl Reader<'_> {
    /// One service. `None` if a part is wrong.
    pub(super) fn service(&mut self, entry: &Entry) -> Option<(ServiceName, ServiceSpec)> {
        let name = self.name(&entry.key.text, entry.key.span, "a service");
        let object = self.object(&entry.value, format!("service {}", quote(&entry.key.text)), keys::SERVICE)?;
        let artifact = self.service_artifact(&object, entry);
        let root = match object.get("root") {
            Some(node) => self.text(node, "root").and_then(|text| self.absolute(&text, node.span, "root")),
            None => {
                self.missing(
                    entry.key.span,
                    &object.what,
                    "root",
                    "write the folder on the targets: `root: /srv/shop`",
                );
                None
            }
        };
        let settings = object.get("settings").map(|node| self.variables(node, "settings")).unwrap_or_default();
        let hooks = object.get("hooks").map(|node| self.hooks(node, &object.what)).unwrap_or_default();
        let gates = object.get("gates").map(|node| self.gates(node)).unwrap_or_default();
        let identity = self.identity(&object, entry);
        let keep = object.get("keep").and_then(|node| self.number(node, range::KEEP)).unwrap_or(KEEP_DEFAULT);
        let name = ServiceName::new(name?.as_str()).ok()?;
        Some((
            name,
            ServiceSpec { artifact: artifact?, root: root?, settings, hooks, gates, identity: identity?, keep },
        ))
    }

    fn service_artifact(&mut self, object: &Object<'_>, entry: &Entry) -> Option<String> {
        let Some(node) = object.get("artifact") else {
            let hint = "name an artifact of this run: `artifact: shop.tar.zst`";
            self.missing(entry.key.span, &object.what, "artifact", hint);
            return None;
        };
        let text = self.text(node, "artifact")?;
        let name = self.artifact_name(&text, node.span)?;
        if !name.ends_with(".tar") && !name.ends_with(".tar.zst") {
            let text = format!("{} cannot be unpacked on a target", quote(&name));
            self.findings.error(node.span, Code::BadName, text, "a release is a `.tar` or `.tar.zst`");
            return None;
        }
        Some(name)
    }

    /// Without an identity no deployment could ever succeed.
    fn identity(&mut self, object: &Object<'_>, entry: &Entry) -> Option<Probe> {
        let Some(node) = object.get("identity") else {
            let text = format!("{} has no `identity`: success could not be proven", object.what);
            let hint = "say how the running process names its release: `identity: { http: \"http://127.0.0.1:8080/release\" }`";
            self.findings.error(entry.key.span, Code::MissingKey, text, hint);
            return None;
        };
        let identity = self.object(node, format!("`identity` of {}", object.what), keys::IDENTITY)?;
        self.probe(&identity)
    }

    fn hooks(&mut self, node: &Node, service: &str) -> BTreeMap<Hook, HookCommand> {
        let Some(object) = self.object(node, format!("`hooks` of {service}"), keys::HOOKS) else {
            return BTreeMap::new();
        };
        let read = HOOKS.into_iter().filter_map(|hook| {
            let node = object.get(hook.word())?;
            Some((hook, self.hook(node, hook.word())?))
        });
        read.collect()
    }

    fn hook(&mut self, node: &Node, word: &str) -> Option<HookCommand> {
        let Value::Map(_) = &node.value else {
            return Some(HookCommand { argv: self.command_line(node, word)?, timeout: HOOK_TIMEOUT });
        };
        let object = self.object(node, format!("hook `{word}`"), keys::HOOK)?;
        let timeout =
            object.get("timeout").and_then(|node| self.time(node, range::HOOK_TIMEOUT)).unwrap_or(HOOK_TIMEOUT);
        let Some(run) = object.get("run") else {
            self.missing(object.span, &object.what, "run", "");
            return None;
        };
        Some(HookCommand { argv: self.command_line(run, "run")?, timeout })
    }

    fn gates(&mut self, node: &Node) -> BTreeMap<String, Gate> {
        let mut gates = BTreeMap::new();
        for entry in self.entries(node, "gates", "gate") {
            let name = self.name(&entry.key.text, entry.key.span, "a gate");
            if let (Some(name), Some(gate)) = (name, self.gate(entry)) {
                gates.insert(name.as_str().to_owned(), gate);
            }
        }
        gates
    }

    fn gate(&mut self, entry: &Entry) -> Option<Gate> {
        let object = self.object(&entry.value, format!("gate {}", quote(&entry.key.text)), keys::GATE)?;
        let probe = self.probe(&object);
        let mut time = |times: range::Times, default_ms: u64| -> Duration {
            object.get(times.key).and_then(|node| self.time(node, times)).unwrap_or(Duration::from_ms(default_ms))
        };
        let every = time(range::GATE_EVERY, 2_000);
        let timeout = time(range::GATE_TIMEOUT, 5_000);
        let steady = time(range::GATE_STEADY, 10_000);
        let grace = time(range::GATE_GRACE, 10_000);
        let deadline = time(range::GATE_DEADLINE, 60_000);
        let fall = object.get("fall").and_then(|node| self.number(node, range::GATE_FALL)).unwrap_or(3);
        let flaps = object.get("flaps").and_then(|node| self.number(node, range::GATE_FLAPS)).unwrap_or(3);
        if steady >= deadline {
            let at = object.key("steady").or_else(|| object.key("deadline")).unwrap_or(object.span);
            let text =
                format!("{} can never pass: it must be good for {steady}, and fails after {deadline}", object.what);
            self.findings.error(at, Code::OutOfRange, text, "write a longer `deadline`");
        }
        Some(Gate { probe: probe?, every, timeout, steady, fall, flaps, grace, deadline })
    }
}
