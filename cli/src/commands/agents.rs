//! `windlass agents`, what people do to them, and join tokens.

use windlass_proto::api::{Agent, JoinTokenAnswer, JoinTokenRequest, ReasonRequest};

use crate::args::{AgentWord, AgentsVerb, TokenArguments};
use crate::client::Client;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Screen;
use crate::text::Reader;
use crate::view;

/// Lists agents, shows one or does something to it, or makes a join token.
pub fn run(client: &Client, verb: Option<AgentsVerb>, screen: &mut Screen) -> Result<Exit> {
    match verb {
        Some(AgentsVerb::Token(arguments)) => token(client, arguments, screen),
        Some(AgentsVerb::Show { agent }) => show(&client.get(&format!("/agents/{agent}"), &[])?, screen),
        Some(AgentsVerb::Pause(word)) => act(client, word, "pause", screen),
        Some(AgentsVerb::Resume(word)) => act(client, word, "resume", screen),
        Some(AgentsVerb::Readmit(word)) => act(client, word, "readmit", screen),
        Some(AgentsVerb::Remove(word)) => act(client, word, "remove", screen),
        None => list(client, screen),
    }
}

/// Asks, and shows the agent as it is then.
fn act(client: &Client, word: AgentWord, verb: &str, screen: &mut Screen) -> Result<Exit> {
    let AgentWord { agent, reason } = word;
    show(&client.post(&format!("/agents/{agent}/{verb}"), &ReasonRequest { reason })?, screen)
}

fn show(agent: &Agent, screen: &mut Screen) -> Result<Exit> {
    match screen.is_json() {
        true => screen.json(agent)?,
        false => screen.line(&view::agents::one(agent, &Reader::here()))?,
    }
    Ok(Exit::Done)
}

fn list(client: &Client, screen: &mut Screen) -> Result<Exit> {
    let agents: Vec<Agent> = client.all("/agents", &[])?;
    if screen.is_json() {
        screen.json(&agents)?;
    } else if agents.is_empty() {
        screen.note("there is no agent\nhint: windlass agents token --name build1 --label role=build")?;
    } else {
        screen.line(&view::agents::list(&agents, &Reader::here()))?;
    }
    Ok(Exit::Done)
}

/// The token alone goes to standard output, so that it can be piped into `windlass-agent join`.
fn token(client: &Client, arguments: TokenArguments, screen: &mut Screen) -> Result<Exit> {
    let TokenArguments { name, environments, labels, projects, jobs, expires_in } = arguments;
    let labels = labels.into_iter().collect();
    let request = JoinTokenRequest { name, labels, projects, environments, jobs, expires_in_secs: Some(expires_in) };
    let answer: JoinTokenAnswer = client.post_for_secret("/join-tokens", &request)?;
    if screen.is_json() {
        screen.json(&answer)?;
    } else {
        screen.line(&answer.token)?;
        screen.note(&format!("good for one agent until {}", Reader::here().second(answer.expires)))?;
        screen.note(&format!("hint: on that host: windlass-agent join {} --token-file -", client.url()))?;
    }
    Ok(Exit::Done)
}
