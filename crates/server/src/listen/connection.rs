//! One connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep},
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::access::Peer;

/// Whoever connects must begin to speak HTTP/2 within this time.
const SPEAK_WITHIN: Duration = Duration::from_secs(10);

/// So many bytes are the beginning of HTTP/2 (RFC 9113, section 3.4): the preface and an empty frame of settings.
const BEGINNING: usize = 24 + 9;

/// What the bytes go through.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// A connection, which takes up a place as long as it lives.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    peer: Peer,
    /// Ends a connection whose other end says nothing; none once it has spoken.
    silence: Option<Pin<Box<Sleep>>>,
    heard: usize,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    pub(crate) fn new(stream: Stream, peer: Peer, place: OwnedSemaphorePermit) -> Self {
        let silence = tokio::time::sleep_until(Instant::now() + SPEAK_WITHIN);
        Self {
            stream,
            peer,
            silence: Some(Box::pin(silence)),
            heard: 0,
            _place: place,
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        poller: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(silence) = &mut this.silence
            && silence.as_mut().poll(poller).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        ready!(match &mut this.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(poller, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(poller, buffer),
            Stream::Unix(stream) => Pin::new(stream).poll_read(poller, buffer),
        })?;
        if this.silence.is_some() {
            this.heard += buffer.filled().len() - before;
            if this.heard >= BEGINNING {
                this.silence = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        poller: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(poller, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(poller, bytes),
            Stream::Unix(stream) => Pin::new(stream).poll_write(poller, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(poller),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(poller),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(poller),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(poller),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(poller),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(poller),
        }
    }
}
