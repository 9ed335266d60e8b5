//! Accepting connections.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};
use tokio_stream::wrappers::ReceiverStream;

use super::connection::{Connection, Stream};
use crate::access::Peer;

/// After a failure to accept, such as too many open files: not at once again.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepted connections that nobody has taken yet.
const WAITING: usize = 64;

/// Where callers come in.
#[derive(Debug)]
pub enum Listener {
    /// Readable for everybody on the way: for this machine.
    Tcp(TcpListener),
    /// A socket in the file system: the system says which user calls.
    Unix(UnixListener),
}

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
        accepting.spawn(accept_from(listener, Arc::clone(&places), sender.clone()));
    }
    (accepting, ReceiverStream::new(receiver))
}

async fn accept_from(
    listener: Listener,
    places: Arc<Semaphore>,
    sender: mpsc::Sender<Result<Connection, io::Error>>,
) {
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept(place).await {
            Ok(connection) => {
                if sender.send(Ok(connection)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Listener {
    async fn accept(&self, place: OwnedSemaphorePermit) -> io::Result<Connection> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let peer = Peer::Network {
                    address,
                    certificate: Vec::new(),
                };
                Ok(Connection::new(Stream::Tcp(stream), peer, place))
            }
            Self::Unix(listener) => {
                let (stream, _address) = listener.accept().await?;
                let uid = stream.peer_cred()?.uid();
                Ok(Connection::new(
                    Stream::Unix(stream),
                    Peer::Process { uid },
                    place,
                ))
            }
        }
    }
}
