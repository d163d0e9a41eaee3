//! Bad networks between agent and master: an interface that goes down, and what the proxy does.

use std::process::Command;
use std::time::Duration;

use windlass_tests::harness::{Windlass, World};

use crate::check::Allowed;
use crate::dice::Dice;
use crate::findings::Findings;
use crate::proxy::{Proxy, Weather};
use crate::ring::Ring;
use crate::stage::{Seen, Stage, pause};

/// Cases, one round each.
pub(crate) const CASES: u64 = 6;
/// Runs that are started in bad weather.
const RUNS: u64 = 4;
/// Either side ends a session after 15 s of silence; this is longer.
const SILENCE: Duration = Duration::from_secs(17);
const SHORT: Duration = Duration::from_secs(4);

/// Bad networks.
#[derive(Debug)]
pub(crate) struct Network;

impl Ring for Network {
    fn name(&self) -> String {
        "bad network".to_owned()
    }

    fn lacks(&self) -> Option<String> {
        if !rustix::process::geteuid().is_root() {
            return Some("only root can make network namespaces".to_owned());
        }
        let works = Command::new("ip").args(["netns", "list"]).output().is_ok_and(|output| output.status.success());
        (!works).then(|| "ip is not installed".to_owned())
    }

    fn windlass(&self, windlass: Windlass, _world: u64) -> Windlass {
        windlass.builder("b1").slots(4)
    }

    fn round(&self, stage: &mut Stage, round: u64, dice: &mut Dice, findings: &mut Findings) {
        let upstream = stage.world.master.address("agents");
        let (weather, time) = match round % CASES {
            0 => (None, SHORT),
            1 => (Some(Weather::Delay(Duration::from_millis(100 + dice.below(200)))), SHORT),
            2 => (Some(Weather::Stall), SILENCE),
            3 => (Some(Weather::HalfOpen), SILENCE),
            4 => (Some(Weather::Reset(4_000 + dice.below(60_000))), SHORT),
            _ => (Some(Weather::Slices), SHORT),
        };
        let space = weather.is_none().then(|| Namespace::make(round));
        let proxy = Proxy::listen(space.as_ref().map_or("127.0.0.1", |space| &space.outer), upstream.clone());
        dial(&mut stage.world, &proxy.address(), space.as_ref());
        let (runs, ()) = stage.under_load(round, RUNS, findings, |_world| {
            pause(dice, Duration::from_millis(300));
            match (weather, &space) {
                (Some(weather), _) => proxy.set(weather),
                (None, Some(space)) => space.interface("down"),
                (None, None) => unreachable!("there is one or the other"),
            }
            std::thread::sleep(time);
            proxy.set(Weather::Fair);
            if let Some(space) = &space {
                space.interface("up");
            }
        });
        findings.struck += 1;
        stage.rest(&runs);
        let allowed = Allowed { unknown: false, killed_steps: false, not_started: false, gaps: false };
        stage.check(&runs, allowed, &Seen::default(), findings);
        dial(&mut stage.world, &upstream, None);
        if !findings.violations.is_empty() {
            findings.violation(format!("the weather was {weather:?}"));
        }
    }
}

/// Starts the agent anew with another address of its master.
pub(crate) fn dial(world: &mut World, address: &str, space: Option<&Namespace>) {
    let api = world.api();
    let agent = &mut world.agents[0];
    agent.stop();
    let text = std::fs::read_to_string(agent.config()).expect("it is configured");
    let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with("master")).collect();
    let text = format!("master = {address:?}\n{}\n", rest.join("\n"));
    std::fs::write(agent.config(), text).expect("the world's folder can be written");
    match space {
        None => agent.start(&api),
        Some(space) => agent.spawn_under(&space.words()),
    }
}

/// A network namespace with one way out.
pub(crate) struct Namespace {
    name: String,
    inner_side: String,
    /// Our address, as seen from inside.
    outer: String,
}

impl Namespace {
    fn make(round: u64) -> Self {
        // Ours alone: the number of our process is in every name.
        let id = std::process::id();
        let (net, host) = ((id / 250) % 250, id % 250);
        let name = format!("wlc{id}r{round}");
        // The kernel removes those of the round before in its own time.
        let (outer_side, inner_side) = (format!("wlo{id}r{round}"), format!("wli{id}r{round}"));
        let outer = format!("10.{}.{net}.{}", 200 + round % 50, host + 1);
        let inner = format!("10.{}.{net}.{}", 200 + round % 50, host + 2);
        ip(&["netns", "add", &name]);
        ip(&["link", "add", &outer_side, "type", "veth", "peer", "name", &inner_side, "netns", &name]);
        ip(&["addr", "add", &outer, "peer", &inner, "dev", &outer_side]);
        ip(&["link", "set", &outer_side, "up"]);
        ip(&["-n", &name, "addr", "add", &inner, "peer", &outer, "dev", &inner_side]);
        ip(&["-n", &name, "link", "set", &inner_side, "up"]);
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        Self { name, inner_side, outer }
    }

    fn interface(&self, state: &str) {
        ip(&["-n", &self.name, "link", "set", &self.inner_side, state]);
        if state == "up" {
            // The route went with the interface; the addresses bring it back.
            let routes = Command::new("ip").args(["-n", &self.name, "route"]).output().expect("ip is installed");
            assert!(!routes.stdout.is_empty(), "there is a way out again");
        }
    }

    /// What starts a program inside.
    fn words(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.name].map(str::to_owned).to_vec()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The pair of interfaces goes with it.
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn ip(args: &[&str]) {
    let output = Command::new("ip").args(args).output().expect("ip is installed");
    assert!(output.status.success(), "ip {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
