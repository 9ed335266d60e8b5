//! Connections, from wherever they come: accepted, counted, and ended.

mod accept;
mod expiry;
mod handshake;
mod http2;
mod listener;
mod slots;
mod stream;

pub use self::listener::Listener;
pub(crate) use self::{
    accept::Accepting,
    expiry::Expiry,
    http2::{Http2, serve as serve_http2},
    listener::Incoming,
    slots::{ConnectionState, Slots},
};
