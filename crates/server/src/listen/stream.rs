//! What the bytes of a connection go through.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    time::Sleep,
};
use tokio_rustls::server::TlsStream;

/// Whoever connects must begin to speak within this time.
const SPEAK_WITHIN: Duration = Duration::from_secs(10);

/// So many bytes are the beginning of HTTP/2 (RFC 9113, section 3.4): the preface and an empty frame of settings.
const BEGINNING: usize = 24 + 9;

/// What the bytes go through.
#[derive(Debug)]
pub(super) enum Way {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// A connection whose other end must say something.
#[derive(Debug)]
pub(crate) struct Stream {
    way: Way,
    /// Ends a connection whose other end says nothing; none once it has spoken.
    silence: Option<Pin<Box<Sleep>>>,
    heard: usize,
}

impl Stream {
    pub(super) fn new(way: Way) -> Self {
        Self {
            way,
            silence: Some(Box::pin(tokio::time::sleep(SPEAK_WITHIN))),
            heard: 0,
        }
    }

    /// Whether the other end is still silent after the time that it has.
    fn is_silent(&mut self, poller: &mut Context<'_>) -> bool {
        let silence = self.silence.as_mut();
        silence.is_some_and(|silence| silence.as_mut().poll(poller).is_ready())
    }

    fn hear(&mut self, bytes: usize) {
        if self.silence.is_some() {
            self.heard += bytes;
            if self.heard >= BEGINNING {
                self.silence = None;
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        poller: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_silent(poller) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        ready!(match &mut this.way {
            Way::Tcp(stream) => Pin::new(stream).poll_read(poller, buffer),
            Way::Tls(stream) => Pin::new(stream).poll_read(poller, buffer),
            Way::Unix(stream) => Pin::new(stream).poll_read(poller, buffer),
        })?;
        this.hear(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        poller: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().way {
            Way::Tcp(stream) => Pin::new(stream).poll_write(poller, bytes),
            Way::Tls(stream) => Pin::new(stream).poll_write(poller, bytes),
            Way::Unix(stream) => Pin::new(stream).poll_write(poller, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        poller: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().way {
            Way::Tcp(stream) => Pin::new(stream).poll_write_vectored(poller, bytes),
            Way::Tls(stream) => Pin::new(stream).poll_write_vectored(poller, bytes),
            Way::Unix(stream) => Pin::new(stream).poll_write_vectored(poller, bytes),
        }
    }

    /// Or each large answer would go out in two writes, and behind TLS in two records: its frame's header alone, then what it holds.
    fn is_write_vectored(&self) -> bool {
        match &self.way {
            Way::Tcp(stream) => stream.is_write_vectored(),
            Way::Tls(stream) => stream.is_write_vectored(),
            Way::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Tcp(stream) => Pin::new(stream).poll_flush(poller),
            Way::Tls(stream) => Pin::new(stream).poll_flush(poller),
            Way::Unix(stream) => Pin::new(stream).poll_flush(poller),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Tcp(stream) => Pin::new(stream).poll_shutdown(poller),
            Way::Tls(stream) => Pin::new(stream).poll_shutdown(poller),
            Way::Unix(stream) => Pin::new(stream).poll_shutdown(poller),
        }
    }
}
