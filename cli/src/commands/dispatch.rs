//! From what was typed to the command that does it, and from its result to the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use super::{
    agents, cancel, completion, deployments, events, lint, login, logs, post_receive, projects, retry, run as runs_one,
    runs, secrets, settle,
};
use crate::args::{Arguments, Command};
use crate::client::{Account, Client};
use crate::demo;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::{Colour, Format, Screen};

/// Runs the client with these arguments, the first of which is the program's name.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let mut screen = Screen::standard(arguments.print.output, arguments.print.color);
    let done = perform(arguments.command, &mut screen).and_then(|exit| screen.flush().map(|()| exit));
    let exit = done.unwrap_or_else(|error| {
        if error.is_closed_output() {
            return Exit::Done;
        }
        // Where nothing can be printed the code says it too.
        let _told = error.report(&mut screen);
        error.exit()
    });
    ExitCode::from(exit.code())
}

fn usage(error: &clap::Error) -> ExitCode {
    let mut screen = Screen::standard(Format::Text, Colour::Auto);
    let text = error.render().to_string();
    let (told, exit) = if error.use_stderr() {
        (screen.note(text.trim_end()), Exit::Usage)
    } else {
        (screen.line(text.trim_end()), Exit::Done)
    };
    // Where help cannot be printed there is nobody to read it.
    drop(told);
    ExitCode::from(exit.code())
}

fn perform(command: Command, screen: &mut Screen) -> Result<Exit> {
    let client = || Account::find().map(Client::new);
    match command {
        Command::Demo { keep } => demo::run(keep, screen),
        Command::Lint { file } => lint::run(&file, screen),
        Command::Run(arguments) => runs_one::run(&client()?, arguments, screen),
        Command::Runs(arguments) => runs::list(&client()?, arguments, screen),
        Command::Show { run, job } => runs::show(&client()?, &run, job.as_ref(), screen),
        Command::Logs(arguments) => logs::run(&client()?, &arguments, screen),
        Command::Cancel { run, jobs, reason, force, no_wait } => {
            let request = cancel::request(&jobs, reason, force);
            cancel::run(&client()?, &run, &request, no_wait, screen)
        }
        Command::Retry { run, jobs } => retry::run(&client()?, &run, &jobs, screen),
        Command::Settle { run, job, verdict, reason } => settle::run(&client()?, &run, &job, verdict, reason, screen),
        Command::Why { subject } => runs::why(&client()?, &subject, screen),
        Command::Agents { verb } => agents::run(&client()?, verb, screen),
        Command::Secrets { verb } => secrets::run(&client()?, verb, screen),
        Command::Deployments(verb) => deployments::run(&client()?, verb, screen),
        Command::Projects { verb } => projects::run(&client()?, verb, screen),
        Command::Events { project, run, kind } => events::run(&client()?, project, run, kind, screen),
        Command::Login { url } => login::login(&url, screen),
        Command::Whoami => login::whoami(&client()?, screen),
        Command::Token { subject, days } => login::token(&client()?, subject, days, screen),
        Command::PostReceive { url, secret_file } => post_receive::run(&url, &secret_file, screen),
        Command::Completion { shell } => completion::run(shell, screen),
        Command::Keeper => demo::keeper(),
        Command::KeeperAsk { socket, verb } => demo::ask_for_service(&socket, verb),
        Command::DemoService { edition } => Ok(demo::service(edition)),
    }
}
