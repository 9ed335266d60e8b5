//! Listening, and refusing to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

use super::connection;
use crate::cloud::Cloud;

/// How often a listener looks whether the weather has it refuse connections, or not any more.
const LOOK: Duration = Duration::from_millis(10);

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What stands behind a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// The faces and the control endpoint; refuses connections when the weather says so.
    Everything,
    /// The control endpoint only; always there.
    Control,
}

/// A port on 127.0.0.1 that is ours, whether or not somebody listens.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    /// Bound, never listening: while the listener is away, connections are refused and nobody else gets the port.
    _reserved: TcpSocket,
    listener: TcpListener,
}

impl Door {
    /// Takes a port, 0 for any. Must be called inside of a runtime.
    pub(crate) fn open(port: u16) -> io::Result<Self> {
        let reserved = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let address = reserved.local_addr()?;
        let listener = bind(address)?.listen(BACKLOG)?;
        Ok(Self {
            address,
            _reserved: reserved,
            listener,
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the runtime ends.
    pub(crate) async fn serve(self, cloud: Arc<Cloud>, front: Front) {
        let Self {
            address,
            _reserved,
            listener,
        } = self;
        let mut listener = Some(listener);
        let mut look = tokio::time::interval(LOOK);
        loop {
            let refuses = front == Front::Everything && cloud.sky.refuses();
            match (&listener, refuses) {
                (Some(_), true) => listener = None,
                (None, false) => {
                    listener = bind(address).and_then(|socket| socket.listen(BACKLOG)).ok();
                }
                _ => {}
            }
            let Some(listener) = &listener else {
                look.tick().await;
                continue;
            };
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((stream, _peer)) = accepted {
                        tokio::spawn(connection::serve(stream, Arc::clone(&cloud), front));
                    }
                }
                _ = look.tick() => {}
            }
        }
    }
}

/// A socket of this address. The reservation and the listener share it.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
