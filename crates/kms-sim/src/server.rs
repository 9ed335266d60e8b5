//! The HTTP server: listeners, connections, requests.

mod answer;
mod connection;
mod listener;

pub(crate) use listener::{Door, Front};
