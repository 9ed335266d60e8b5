//! Connections, from wherever they come.

mod connection;
mod handshakes;
mod incoming;

pub use self::incoming::Listener;
pub(crate) use self::incoming::incoming;
