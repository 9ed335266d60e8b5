//! Accepting connections.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    connection::{Connection, Stream},
    handshakes::{self, Handshakes},
};
use crate::{
    access::Peer,
    tls::{Tls, names_of},
};

/// After a failure to accept, such as too many open files: not at once again.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepted connections that nobody has taken yet.
const WAITING: usize = 64;

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

type Sender = mpsc::Sender<Result<Connection, io::Error>>;

/// Connections from all listeners, at most `most` at once; more of them wait in the system's queue.
///
/// The listeners are accepted from as long as the stream lives.
pub(crate) fn incoming(
    listeners: Vec<Listener>,
    most: usize,
) -> (JoinSet<()>, ReceiverStream<Result<Connection, io::Error>>) {
    let (sender, receiver) = mpsc::channel(WAITING);
    let places = Arc::new(Semaphore::new(most));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let handshakes = Handshakes::beside(most);
        let (places, sender) = (Arc::clone(&places), sender.clone());
        accepting.spawn(accept_from(listener, places, handshakes, sender));
    }
    (accepting, ReceiverStream::new(receiver))
}

async fn accept_from(
    listener: Listener,
    places: Arc<Semaphore>,
    handshakes: Arc<Handshakes>,
    sender: Sender,
) {
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        if let Err(error) = listener.accept(place, &handshakes, &sender).await {
            tracing::debug!(%error, "a connection was not accepted");
            tokio::time::sleep(PAUSE).await;
        }
        if sender.is_closed() {
            return;
        }
    }
}

impl Listener {
    /// Takes the next connection, and hands it over once it may speak.
    async fn accept(
        &self,
        place: OwnedSemaphorePermit,
        handshakes: &Handshakes,
        sender: &Sender,
    ) -> io::Result<()> {
        let connection = match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let certificate = Arc::default();
                let peer = Peer::Network {
                    address,
                    certificate,
                };
                Connection::new(Stream::Tcp(stream), peer, place)
            }
            Self::Unix(listener) => {
                let (stream, _address) = listener.accept().await?;
                let uid = stream.peer_cred()?.uid();
                Connection::new(Stream::Unix(stream), Peer::Process { uid }, place)
            }
            Self::Tls(listener, tls) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let (tls, sender) = (tls.clone(), sender.clone());
                handshakes.begin(async move {
                    let Some(stream) = handshakes::enter(stream, &tls).await else {
                        return;
                    };
                    let (_stream, session) = stream.get_ref();
                    let shown = session.peer_certificates().and_then(|chain| chain.first());
                    let peer = Peer::Network {
                        address,
                        certificate: shown.map(|shown| names_of(shown)).unwrap_or_default(),
                    };
                    let connection = Connection::new(Stream::Tls(Box::new(stream)), peer, place);
                    let _gone = sender.send(Ok(connection)).await;
                });
                return Ok(());
            }
        };
        // Nobody takes connections any more when the server ends.
        let _gone = sender.send(Ok(connection)).await;
        Ok(())
    }
}
