//! `windlass secrets`: set, list, delete. A value comes from standard input and goes to the master, nowhere else.

use std::io::{self, IsTerminal, Read};

use windlass_core::model::secret::SECRET_MAX;
use windlass_core::model::{RunId, Secret as Value};
use windlass_proto::api::{ExposedSecret, ExposedSecrets, Secret, SecretSet, UnreadFacts};
use zeroize::Zeroizing;

use crate::args::{ExposedArguments, SecretArguments, SecretsVerb};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::output::Screen;
use crate::text::{Reader, table};

/// Carries out one of the verbs.
pub fn run(client: &Client, verb: SecretsVerb, screen: &mut Screen) -> Result<Exit> {
    match verb {
        SecretsVerb::Set { secret, unprotected } => set(client, &secret, unprotected, screen),
        SecretsVerb::List { project } => list(client, project.as_str(), screen),
        SecretsVerb::Exposed(which) => exposed(client, &which, screen),
        SecretsVerb::Delete { secret, reason } => delete(client, &secret, reason, screen),
    }
}

fn set(client: &Client, secret: &SecretArguments, unprotected: bool, screen: &mut Screen) -> Result<Exit> {
    let value = read_value()?;
    let unprotected = unprotected.then(|| "true".to_owned());
    let query = [("environment", secret.environment.clone()), ("unprotected", unprotected)];
    let SecretSet { number } = client.put_bytes(&path(secret), &query, value.expose())?;
    screen.note(&format!("{}@{number} is set for {}", secret.name, scope(secret)))?;
    Ok(Exit::Done)
}

fn list(client: &Client, project: &str, screen: &mut Screen) -> Result<Exit> {
    let secrets: Vec<Secret> = client.all(&format!("/projects/{project}/secrets"), &[])?;
    if screen.is_json() {
        screen.json(&secrets)?;
    } else if secrets.is_empty() {
        screen.note(&format!("{project} has no secret\nhint: windlass secrets set NAME --project {project}"))?;
    } else {
        screen.line(&lines(&secrets, &Reader::here()))?;
    }
    Ok(Exit::Done)
}

fn lines(secrets: &[Secret], reader: &Reader) -> String {
    let head = ["NAME", "SCOPE", "GOES TO", "SET", "BY", "DELIVERED"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(secrets.iter().map(|secret| {
        let scope = secret.environment.clone().unwrap_or_else(|| "project".to_owned());
        let goes_to = if secret.unprotected { "every branch" } else { "main branch" };
        let delivered = secret.delivered.map_or_else(|| "never".to_owned(), |time| reader.ago(time));
        let name = format!("{}@{}", secret.name, secret.number);
        vec![name, scope, goes_to.to_owned(), reader.ago(secret.set), secret.by.clone(), delivered]
    }));
    table(&rows)
}

fn exposed(client: &Client, which: &ExposedArguments, screen: &mut Screen) -> Result<Exit> {
    let query = [
        ("agent", which.agent.clone()),
        ("run", which.run.as_ref().map(RunId::in_path)),
        ("since", which.since.map(|time| time.to_string())),
    ];
    let exposed: ExposedSecrets = client.get("/secrets/exposed", &query)?;
    if screen.is_json() {
        screen.json(&exposed)?;
    } else if exposed.items.is_empty() {
        screen.note(if exposed.unread.is_empty() { "no secret was delivered there" } else { "none is known" })?;
    } else {
        screen.line(&exposed_lines(&exposed.items, &Reader::here()))?;
        if exposed.items.iter().any(|one| !one.changed) {
            screen.note("hint: change the value where it is used, then windlass secrets set NAME --project P")?;
        }
    }
    for UnreadFacts { first, last, why } in &exposed.unread {
        screen.note(&format!("not all: facts {first} to {last} cannot be read, and may tell of more: {why}"))?;
    }
    Ok(if exposed.unread.is_empty() { Exit::Done } else { Exit::Unknown })
}

fn exposed_lines(exposed: &[ExposedSecret], reader: &Reader) -> String {
    let head = ["NAME", "SCOPE", "CHANGED", "TIMES", "LAST", "AGENTS"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(exposed.iter().map(|one| {
        let environment = one.environment.as_ref().map_or_else(String::new, |name| format!("/{name}"));
        let changed = if one.changed { "yes" } else { "NO" };
        let (name, scope) = (format!("{}@{}", one.name, one.number), format!("{}{environment}", one.project));
        let (times, last) = (one.deliveries.to_string(), reader.ago(one.last));
        vec![name, scope, changed.to_owned(), times, last, one.agents.join(", ")]
    }));
    table(&rows)
}

fn delete(client: &Client, secret: &SecretArguments, reason: String, screen: &mut Screen) -> Result<Exit> {
    client.delete(&path(secret), &[("environment", secret.environment.clone()), ("reason", Some(reason))])?;
    screen.note(&format!("{} is deleted for {}; who has it already keeps it", secret.name, scope(secret)))?;
    Ok(Exit::Done)
}

fn path(secret: &SecretArguments) -> String {
    format!("/projects/{}/secrets/{}", secret.project, secret.name)
}

fn scope(secret: &SecretArguments) -> String {
    secret.environment.as_ref().map_or_else(|| secret.project.to_string(), |name| format!("{}/{name}", secret.project))
}

/// All of standard input, which is no terminal: what is typed there is seen by whoever looks on.
fn read_value() -> Result<Value> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Error::Usage {
            text: "the value of a secret is read from standard input".to_owned(),
            hint: "windlass secrets set TAX_KEY --project shop < FILE, or pipe it from a password store".to_owned(),
        });
    }
    // As large as it may become: a vector that grows leaves copies behind.
    let mut value = Zeroizing::new(Vec::with_capacity(SECRET_MAX + 2));
    let read = stdin.lock().take(SECRET_MAX as u64 + 2).read_to_end(&mut value);
    read.map_err(|source| Error::Terminal { what: "read the value", source })?;
    let is_one_line = value.iter().filter(|byte| **byte == b'\n').count() == 1;
    if is_one_line && value.ends_with(b"\n") {
        value.pop();
    }
    Value::new(std::mem::take(&mut *value)).map_err(|error| Error::Usage {
        text: error.to_string(),
        hint: "a longer password, or a file of its own for what is large".to_owned(),
    })
}
