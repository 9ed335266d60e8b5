//! What the server promises, asked over the network.

mod access;
mod ending;
mod failures;
mod health;
mod house;
mod reflection;
mod signing;
mod status;
mod topology;
mod vault_service;
