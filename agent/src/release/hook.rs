//! Hooks: the service's commands at fixed places of a change, and the environment they get.

use std::ffi::OsString;

use windlass_core::model::{Hook, ServiceSpec};

use super::clock;
use super::command::{self, Call, End, Env, Leftovers};
use super::error::{Error, Result};
use super::target::{Direction, Target, WayBackName};

/// What of our own environment a hook must not see: it is no door to the agent.
const OURS: [&str; 2] = ["WINDLASS_AGENT_SOCKET", "WINDLASS_ATTEMPT_DIR"];

/// What the environment of a step gives to hooks: all but the door to the agent.
pub fn env_of_step() -> Env {
    std::env::vars_os().filter(|(name, _)| !OURS.iter().any(|ours| name == ours)).collect()
}

/// What the agent itself gives to hooks and gates when no step runs: the plain environment of a step.
pub fn env_of_agent() -> Env {
    let plain = [("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("LANG", "C.UTF-8")];
    let mut env: Env = plain.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let inherited = ["HOME", "USER", "LOGNAME"].into_iter();
    env.extend(inherited.filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?))));
    env
}

/// The environment of hooks and of the commands of gates. `RELEASE` is where the change leads, `FROM` where it comes from;
/// either is empty where there is none.
pub fn env(target: &Target<'_>, direction: Direction) -> Env {
    let change = target.change;
    let back = change.way_back_name().unwrap_or("");
    let (release, from) = match direction {
        Direction::Forward => (change.release.as_str(), back),
        Direction::Back => (back, change.release.as_str()),
    };
    let release_dir = if release.is_empty() { OsString::new() } else { target.layout.release(release).into() };
    let mut env = target.env.clone();
    let mut set = |name: &str, value: OsString| _ = env.insert(name.into(), value);
    set("WINDLASS_SERVICE", change.service.as_str().into());
    set("WINDLASS_RELEASE", release.into());
    set("WINDLASS_RELEASE_DIR", release_dir);
    set("WINDLASS_FROM", from.into());
    set("WINDLASS_TARGET", change.target.as_str().into());
    set("WINDLASS_DEPLOYMENT", change.deployment.to_string().into());
    set("WINDLASS_GENERATION", change.generation.to_string().into());
    set("WINDLASS_ROOT", target.place.root.clone().into());
    if let Some(http) = &target.place.http {
        set("WINDLASS_HTTP", http.into());
    }
    env
}

/// Runs a hook of this definition, if it has that one; its output goes to the log.
pub fn run(target: &Target<'_>, spec: &ServiceSpec, hook: Hook, direction: Direction) -> Result<()> {
    let Some(command) = spec.hooks.get(&hook) else {
        return Ok(());
    };
    let began = clock::boottime();
    let env = env(target, direction);
    let dir = match hook {
        Hook::Preflight => target.layout.release(&target.change.release),
        Hook::Drain | Hook::Stop | Hook::Start | Hook::Undrain => target.dir()?,
    };
    let call =
        Call { argv: &command.argv, dir: &dir, env: &env, timeout: command.timeout, leftovers: Leftovers::Leave };
    match command::run(call, &mut |bytes| target.log.bytes(bytes)) {
        End::Exited(0) => {
            target.log.took(hook.word(), began);
            Ok(())
        }
        end @ (End::Exited(_) | End::Signalled(_) | End::TimedOut(_) | End::NotFound(_) | End::Trouble(_)) => {
            Err(Error::Hook { hook: hook.word(), how: end.to_string() })
        }
    }
}
