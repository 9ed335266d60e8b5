//! Where callers come in.

use std::{io, sync::Arc};

use strongroom_files::known_user;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::{
    handshake,
    slots::Origin,
    stream::{Stream, Way},
};
use crate::{
    access::Peer,
    stranger_log::StrangerLog,
    tls::{Tls, names_of},
};

/// Where callers come in.
#[derive(Debug)]
pub enum Listener {
    /// Readable for everybody on the way: for this machine.
    Tcp(TcpListener),
    /// Behind TLS.
    Tls(TcpListener, Tls),
    /// A socket in the file system: the system says which user calls.
    Unix(UnixListener),
}

/// Somebody who connected and has not come in.
#[derive(Debug)]
pub(crate) enum Incoming {
    Network(TcpStream, Peer, Option<Tls>),
    Process(UnixStream, Peer),
}

impl Listener {
    /// The next one who connects.
    pub(super) async fn accept(&self) -> io::Result<Incoming> {
        match self {
            Self::Tcp(listener) => from_network(listener, None).await,
            Self::Tls(listener, tls) => from_network(listener, Some(tls.clone())).await,
            Self::Unix(listener) => {
                let (stream, _address) = listener.accept().await?;
                let user = known_user(stream.peer_cred()?.uid());
                Ok(Incoming::Process(stream, Peer::Process { user }))
            }
        }
    }
}

async fn from_network(listener: &TcpListener, tls: Option<Tls>) -> io::Result<Incoming> {
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let certificate = Arc::default();
    let peer = Peer::Network {
        address,
        certificate,
    };
    Ok(Incoming::Network(stream, peer, tls))
}

impl Incoming {
    /// From where.
    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::Network(_, peer, _) | Self::Process(_, peer) => Origin::of(peer),
        }
    }

    /// Lets it in, with what it proved; none who did not finish the handshake.
    pub(crate) async fn shake_hands(self, stranger_log: &StrangerLog) -> Option<(Stream, Peer)> {
        match self {
            Self::Process(stream, peer) => Some((Stream::new(Way::Unix(stream)), peer)),
            Self::Network(stream, peer, None) => Some((Stream::new(Way::Tcp(stream)), peer)),
            Self::Network(stream, peer, Some(tls)) => {
                let stream = handshake::accept(stream, &tls, stranger_log).await?;
                let (_stream, session) = stream.get_ref();
                let shown = session.peer_certificates().and_then(|chain| chain.first());
                let names = shown.map(|shown| names_of(shown)).unwrap_or_default();
                let stream = Stream::new(Way::Tls(Box::new(stream)));
                Some((stream, peer.with_certificate(names)))
            }
        }
    }
}
