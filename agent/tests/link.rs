//! The agent's program against a master that is played in this process: what it reports, what it ships, and what survives it.

#[path = "link/agent.rs"]
mod agent;
#[path = "link/groups.rs"]
mod groups;
#[path = "link/identity.rs"]
mod identity;
#[path = "link/jobs.rs"]
mod jobs;
#[path = "link/master.rs"]
mod master;
#[path = "link/service.rs"]
mod service;
#[path = "link/stories.rs"]
mod stories;
