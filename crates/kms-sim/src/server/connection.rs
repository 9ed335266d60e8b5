//! One connection, and the ways to cut it off.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::answer;
use super::listener::Front;
use crate::cloud::Cloud;

/// How a connection ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// It closes, and no answer was sent.
    Close,
    /// It is reset after half of an answer.
    HalfThenReset,
    /// It is reset.
    Reset,
}

/// The beginning of an answer that promises more than it has.
const HALF: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: 512\r\n\r\n{\"Key";

/// Serves a connection until one side has enough.
pub(super) async fn serve(stream: TcpStream, cloud: Arc<Cloud>, front: Front) {
    // Answers are small and somebody waits for each of them.
    let _best_effort = stream.set_nodelay(true);
    let (sender, mut cuts) = mpsc::channel(1);
    let service = service_fn(move |request| {
        let (cloud, sender) = (Arc::clone(&cloud), sender.clone());
        async move {
            match answer::answer(&cloud, front, request).await {
                Ok(response) => Ok::<_, Infallible>(response),
                Err(cut) => {
                    let _nobody_left = sender.send(cut).await;
                    std::future::pending().await
                }
            }
        }
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ended = &mut connection => {}
        Some(cut) = cuts.recv() => end(connection.into_parts().io.into_inner(), cut).await,
    }
}

async fn end(stream: TcpStream, cut: Cut) {
    if cut == Cut::HalfThenReset && stream.writable().await.is_ok() {
        let _whatever_fits = stream.try_write(HALF);
    }
    if cut != Cut::Close {
        // What is dropped without lingering is reset.
        let _or_closed = stream.set_zero_linger();
    }
}
