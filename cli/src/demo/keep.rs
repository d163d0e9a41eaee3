//! The demo from its first line to its last.

use serde_json::json;

use super::stage::Stage;
use super::story;
use super::tell::Teller;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Screen;
use crate::text::span;

/// Runs it; with `keep` everything stays until it is interrupted.
pub fn run(keep: bool, screen: &mut Screen) -> Result<Exit> {
    let mut teller = Teller::new(screen);
    teller.say("windlass demo · one master, one build host, three targets, all on this machine")?;
    let stage = Stage::set_up()?;
    introduce(&stage, keep, &mut teller)?;
    let told = story::tell(&stage, &mut teller);
    if keep {
        let told = told.and_then(|summary| teller.last(&json!({ "summary": summary })));
        invite(&stage, &mut teller)?;
        stage.wait()?;
        return told.map(|()| Exit::Done);
    }
    let ended = stage.end();
    let summary = told?;
    ended?;
    teller.say("all stopped, folder removed · to look around: windlass demo --keep")?;
    teller.last(&json!({ "summary": summary }))?;
    Ok(if summary.as_told { Exit::Done } else { Exit::Failed })
}

fn introduce(stage: &Stage, keep: bool, teller: &mut Teller<'_>) -> Result<()> {
    let folder = stage.folder.display().to_string();
    let after = if keep { "stays until Ctrl-C" } else { "removed at the end; --keep leaves it" };
    teller.say(&format!("  folder   {folder}      {after}"))?;
    let (daemons, ms) = (stage.daemons()?, teller.ms());
    let url = stage.client.url().to_owned();
    let text =
        format!("  master   {url}      agents build1 web1 web2 web3, mutual TLS, {daemons} daemons       {}", span(ms));
    let members =
        json!({ "folder": folder, "master": url, "daemons": daemons, "took_ms": ms, "compiles": stage.compiles });
    teller.event("ready", &text, members)?;
    if stage.compiles {
        return Ok(());
    }
    teller.say("  there is no rustc here: the service is the copy inside windlass, and its tests are not run")
}

fn invite(stage: &Stage, teller: &mut Teller<'_>) -> Result<()> {
    teller.say("everything goes on until Ctrl-C; in another terminal:")?;
    teller.say(&format!("  export WINDLASS_URL={}", stage.client.url()))?;
    teller.say(&format!("  export WINDLASS_TOKEN=$(cat {})", stage.token_file().display()))?;
    teller.say("  windlass status; windlass runs; windlass logs shop#1 build")
}
