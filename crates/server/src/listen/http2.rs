//! Speaking HTTP/2 with somebody who is connected.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    rt::Executor,
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::{
    slots::{ConnectionState, OpenCall},
    stream::Stream,
};
use crate::{
    access::Peer,
    gate::{Answer, Gated},
    spans::{self, Within},
};

/// The headers of a call may have so many bytes; Canton's own limit.
const MOST_HEADER_BYTES: u32 = 8 * 1024;

/// Calls of one connection at the same time; more of them wait.
const MOST_CALLS: u32 = 256;

/// So many bytes of a connection, and of one of its calls, come before anybody has read those before them: they are counted for nobody.
/// One call that is not read does not hold the others up, and a message of 10 MiB comes in a second from 10 ms away.
const UNREAD_OF_CONNECTION: u32 = 256 * 1024;
const UNREAD_OF_CALL: u32 = 128 * 1024;

/// A silent connection is asked for a sign of life this often, and ended without one.
const LIFE_EVERY: Duration = Duration::from_secs(30);
const LIFE_WITHIN: Duration = Duration::from_secs(10);

/// Whoever is asked to go, and has no call under way, goes within this time; whoever was told everything has it once more.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// What connections have in common.
#[derive(Clone, Debug)]
pub(crate) struct Http2 {
    pub(crate) services: Gated,
    /// A connection on which no call is under way for so long is ended.
    pub(crate) idle_limit: Duration,
    /// Whoever takes nothing of what waits for it, for so long, is cut.
    pub(crate) reading_limit: Duration,
    pub(crate) tasks: TaskTracker,
    pub(crate) ending: watch::Receiver<bool>,
}

/// Serves a connection until its other end goes, or it rests for too long, or the server is to end and its calls are answered.
pub(crate) async fn serve(
    http2: Http2,
    mut stream: Stream,
    peer: Peer,
    connection: Arc<ConnectionState>,
) {
    if let Ended::Orderly = answer_calls(http2, &mut stream, &peer, &connection).await {
        hear_out(&mut stream).await;
    }
}

/// How a connection ended.
enum Ended {
    /// Everything that was to be said has been handed to the system.
    Orderly,
    /// It failed, or is given up.
    Cut,
}

async fn answer_calls(
    http2: Http2,
    stream: &mut Stream,
    peer: &Peer,
    connection: &Arc<ConnectionState>,
) -> Ended {
    let Http2 {
        services,
        idle_limit,
        reading_limit,
        tasks,
        ending,
    } = http2;
    let mut unread = unread(connection, reading_limit);
    let mut leaving = leaving(connection, idle_limit, ending);
    let service = service_fn(move |request| answer(&services, peer, connection, request));
    let mut serving = pin!(
        http2::Builder::new(Tracked(tasks))
            .timer(TokioTimer::new())
            .keep_alive_interval(LIFE_EVERY)
            .keep_alive_timeout(LIFE_WITHIN)
            .max_header_list_size(MOST_HEADER_BYTES)
            .max_concurrent_streams(MOST_CALLS)
            .initial_connection_window_size(UNREAD_OF_CONNECTION)
            .initial_stream_window_size(UNREAD_OF_CALL)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        served = &mut serving => return ended(served),
        _unread = &mut unread => return cut_unread(),
        _leaves = &mut leaving => {}
    }
    serving.as_mut().graceful_shutdown();
    tokio::select! {
        served = &mut serving => ended(served),
        _unread = &mut unread => cut_unread(),
        () = rested(connection, Instant::now(), LEAVE_WITHIN) => Ended::Cut,
    }
}

/// Reads what still comes, until the other end closes too, or has had its time. A socket that is closed on bytes that nobody has
/// read is reset (RFC 1122, section 4.2.2.13): answers that are on their way would be lost with it.
async fn hear_out(stream: &mut Stream) {
    let mut nowhere = tokio::io::sink();
    let rest = tokio::io::copy(stream, &mut nowhere);
    if let Ok(Err(error)) = tokio::time::timeout(LEAVE_WITHIN, rest).await {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Ready when the connection is to end as soon as its calls are answered. It is a task of its own, as the next one: the connection
/// wakes for each call, and would look at every timer then.
fn leaving(
    connection: &Arc<ConnectionState>,
    idle_limit: Duration,
    mut ending: watch::Receiver<bool>,
) -> AbortOnDropHandle<()> {
    let connection = Arc::clone(connection);
    AbortOnDropHandle::new(tokio::spawn(async move {
        tokio::select! {
            () = rested(&connection, connection.began(), idle_limit) => {}
            _ending = ending.wait_for(|ending| *ending) => {}
        }
    }))
}

/// Ready when nobody takes the answers, at whichever stage.
fn unread(connection: &Arc<ConnectionState>, reading_limit: Duration) -> AbortOnDropHandle<()> {
    let connection = Arc::clone(connection);
    AbortOnDropHandle::new(tokio::spawn(async move {
        connection.stops_reading(reading_limit).await;
    }))
}

fn cut_unread() -> Ended {
    tracing::info!("a connection is cut: nobody reads its answers");
    Ended::Cut
}

/// How a connection ends is the business of the caller, who sees it too.
fn ended(served: hyper::Result<()>) -> Ended {
    match served {
        Ok(()) => Ended::Orderly,
        Err(error) => {
            tracing::debug!(%error, "a connection ended");
            Ended::Cut
        }
    }
}

/// Ready when no call has been under way for `limit`, counted from `since` at the earliest.
async fn rested(connection: &ConnectionState, since: Instant, limit: Duration) {
    loop {
        let now = Instant::now();
        let idle = connection.idle_since().unwrap_or(now).max(since);
        if idle + limit <= now {
            return;
        }
        tokio::time::sleep_until(idle + limit).await;
    }
}

type Answered = Result<Response<OfCall>, std::convert::Infallible>;

fn answer(
    services: &Gated,
    peer: &Peer,
    connection: &Arc<ConnectionState>,
    request: Request<Incoming>,
) -> impl Future<Output = Answered> + Send + use<> {
    let call = connection.calls();
    let mut request = request.map(tonic::body::Body::new);
    // A span begins before it is known who calls, as what is told of that names its trace.
    let span = spans::begin(&mut request, || {
        connection.was_known() || services.gate.stranger_log.may_trace()
    });
    let answering = spans::within(span, services.answer(request, peer, connection));
    async move {
        let response = answering.await;
        Ok(response.map(|body| OfCall { body, _call: call }))
    }
}

/// The body of an answer: until h2 has all of it, its call is under way. What is large has its own count until it has gone out.
struct OfCall {
    body: Within<Answer>,
    _call: OpenCall,
}

impl HttpBody for OfCall {
    type Data = <Answer as HttpBody>::Data;
    type Error = <Answer as HttpBody>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        poller: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(poller)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Runs what calls do where it is known of: the server waits for it.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, call: F) {
        self.0.spawn(call);
    }
}
