//! Connections, from wherever they come: accepted, counted, and ended.

mod accept;
mod door;
mod handshake;
mod http2;
mod places;
mod stream;

pub use self::door::Listener;
pub(crate) use self::{
    accept::Accepting,
    door::Knock,
    http2::{Http2, serve as serve_http2},
    places::{Guest, Places},
};
