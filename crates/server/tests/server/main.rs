//! What the server promises, asked over the network.

mod access;
mod ending;
mod failures;
mod house;
mod reflection;
mod vault_service;
