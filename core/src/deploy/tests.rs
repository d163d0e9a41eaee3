//! Deployments over fake hosts: what they do is scripted, what the master believes is the shipped code, driven by whole turns.

mod catch_up;
mod checks;
mod holds;
mod host;
mod people;
mod random;
mod rows;
mod rules;
mod shop;
mod stories;
mod strategy;
mod take_over;
mod world;
