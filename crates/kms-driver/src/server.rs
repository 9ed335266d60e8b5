//! Makes a driver of any provider.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use strongroom_kms::KmsProvider;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};

use crate::contract::kms_driver_server::KmsDriverServer;
use crate::error::DriverError;
use crate::limits::MAX_GRPC_BYTES;
use crate::tls::TlsIdentity;

mod door;
mod read;
mod service;
mod socket;

pub use socket::bind_unix_socket;

use door::{Door, TlsDoor};
use service::Service;

/// More connections wait until one ends.
const MOST_CONNECTIONS: usize = 64;

/// Calls of one connection at the same time; more of them wait.
const MOST_CALLS: u32 = 256;

/// After a failure to accept, such as too many open files: not at once again.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Whoever says nothing would keep a connection from others.
const ENTER_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

/// Offers a provider to others, as a driver.
///
/// It adds nothing to the provider: no retries, no deadlines, no cache. Put what shall surround it around it before. A call
/// whose caller gives up is dropped. The trace of the caller is the trace of the call
/// ([`in_trace`](strongroom_kms::in_trace)).
#[derive(Clone)]
pub struct DriverServer {
    service: KmsDriverServer<Service>,
}

impl fmt::Debug for DriverServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverServer").finish_non_exhaustive()
    }
}

impl DriverServer {
    /// Offers `provider`.
    #[must_use]
    pub fn new(provider: Arc<dyn KmsProvider>) -> Self {
        let service = KmsDriverServer::new(Service::new(provider))
            .max_decoding_message_size(MAX_GRPC_BYTES)
            .max_encoding_message_size(MAX_GRPC_BYTES);
        Self { service }
    }

    /// Serves on a socket whose permissions somebody else cared for, until `end` is there and every call that was under way
    /// then has its answer. Dropped, it leaves the connections that there are to their callers.
    pub async fn serve(self, listener: UnixListener, end: impl Future<Output = ()>) {
        self.serve_behind(listener, end).await;
    }

    /// The same behind TLS 1.3: for callers only that show a certificate of an authority in `identity`.
    ///
    /// # Errors
    /// [`DriverError::TlsMaterial`], before anybody is served.
    pub async fn serve_tls(
        self,
        listener: TcpListener,
        identity: &TlsIdentity,
        end: impl Future<Output = ()>,
    ) -> Result<(), DriverError> {
        let door = TlsDoor::try_new(listener, identity)?;
        self.serve_behind(door, end).await;
        Ok(())
    }

    async fn serve_behind<D: Door>(self, door: D, end: impl Future<Output = ()>) {
        let door = Arc::new(door);
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        // Each connection keeps a receiver: the sender sees when the last one has ended.
        let (ending, ended) = watch::channel(());
        let mut end = pin!(end);
        loop {
            let next = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, door.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = &mut end => break,
                next = next => next,
            };
            match accepted {
                Ok(knocking) => {
                    let (server, mut ended) = (self.clone(), ended.clone());
                    let door = Arc::clone(&door);
                    tokio::spawn(async move {
                        let _place = place;
                        let entering = tokio::time::timeout(ENTER_WITHIN, door.enter(knocking));
                        if let Ok(Some(stream)) = entering.await {
                            server.serve_connection(stream, &mut ended).await;
                        }
                    });
                }
                Err(_passes) => tokio::time::sleep(PAUSE).await,
            }
        }
        drop(ended);
        // Nobody listens if there is no connection.
        let _ = ending.send(());
        ending.closed().await;
    }

    async fn serve_connection(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        ended: &mut watch::Receiver<()>,
    ) {
        let service = TowerToHyperService::new(self.service);
        let mut connection = pin!(
            http2::Builder::new(TokioExecutor::new())
                .max_concurrent_streams(MOST_CALLS)
                .max_header_list_size(16 * 1024)
                .serve_connection(TokioIo::new(stream), service)
        );
        // How a connection ends is the business of the caller, who sees it too.
        tokio::select! {
            _end = &mut connection => {}
            _end = ended.changed() => {
                connection.as_mut().graceful_shutdown();
                let _end = connection.await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
