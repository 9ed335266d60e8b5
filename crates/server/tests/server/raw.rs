//! Calls of any rpc: with bytes that nobody understands, and with requests that never end.

use std::convert::Infallible;

use bytes::{Buf, BufMut};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use http::{HeaderMap, Method, Request as HttpRequest, Response as HttpResponse};
use http_body_util::StreamBody;
use hyper::{
    body::{Frame, Incoming},
    client::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use strongroom_server::Rpc;
use tokio::net::TcpStream;
use tonic::{
    Request, Response, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

/// Bytes as they are.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let rest = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(rest).to_vec()))
    }
}

/// Calls `path` with one empty message, and says how the answer begins.
pub(crate) async fn call(
    channel: &Channel,
    path: &'static str,
    token: Option<&str>,
) -> Result<(), Status> {
    let answer = begin(channel, path, token, Vec::new()).await;
    answer.map(|_messages| ())
}

/// Calls `path` with one message of these bytes, and says how the answer ends.
pub(crate) async fn send(
    channel: &Channel,
    path: &'static str,
    message: Vec<u8>,
) -> Result<(), Status> {
    let mut messages = begin(channel, path, None, message).await?;
    // Whoever watches is told for ever.
    let watching = [Rpc::HealthWatch, Rpc::OperationsServiceFollowAudit];
    let watches = watching.iter().any(|rpc| rpc.path() == path);
    while messages.message().await?.is_some() && !watches {}
    Ok(())
}

/// Calls `path` with one message of these bytes; what comes is read only as far as the answer is asked for messages.
pub(crate) async fn begin(
    channel: &Channel,
    path: &'static str,
    token: Option<&str>,
    message: Vec<u8>,
) -> Result<Streaming<Vec<u8>>, Status> {
    let mut client = Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
    client.ready().await.unwrap();
    let request = with_token(message, token);
    let path = http::uri::PathAndQuery::from_static(path);
    let answer = client.server_streaming(request, path, Bytes).await;
    answer.map(Response::into_inner)
}

pub(crate) fn with_token<M>(message: M, token: Option<&str>) -> Request<M> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// What no service has, and is told at once.
pub(crate) const NO_RPC: &str = "/grpc.health.v1.Health/Unknown";

type Body = StreamBody<BoxStream<'static, Result<Frame<bytes::Bytes>, Infallible>>>;

/// A connection of its own, on which calls are begun whose requests never end. It ends with this.
pub(crate) struct HalfCaller(http2::SendRequest<Body>);

impl HalfCaller {
    pub(crate) async fn over(stream: TcpStream) -> Self {
        let io = TokioIo::new(stream);
        let shaken = http2::handshake(TokioExecutor::new(), io).await;
        let (sender, connection) = shaken.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// One that takes nothing of an answer but how it begins.
    pub(crate) async fn that_takes_nothing(stream: TcpStream) -> Self {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let shaken = builder
            .initial_stream_window_size(0)
            .handshake(TokioIo::new(stream));
        let (sender, connection) = shaken.await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Begins a call with these headers; what the server says, if anything.
    pub(crate) fn begin(
        &mut self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> impl Future<Output = hyper::Result<HeaderMap>> + Send + use<> {
        self.begin_with(path, headers, Vec::new())
    }

    /// The same; these bytes come, and nothing behind them.
    pub(crate) fn begin_with(
        &mut self,
        path: &str,
        headers: &[(&'static str, &str)],
        bytes: Vec<u8>,
    ) -> impl Future<Output = hyper::Result<HeaderMap>> + Send + use<> {
        let bytes = stream::iter([Ok(Frame::data(bytes.into()))]);
        let answer = self.send(path, headers, bytes.chain(stream::pending()).boxed());
        async move { Ok(answer.await?.headers().clone()) }
    }

    /// Makes a whole call after all, with one message, and does not look at the deadline itself, as tonic's client does. Whoever
    /// drops the answer has called it off.
    pub(crate) fn call(
        &mut self,
        path: &str,
        headers: &[(&'static str, &str)],
        message: Vec<u8>,
    ) -> impl Future<Output = hyper::Result<HttpResponse<Incoming>>> + Send + use<> {
        let mut bytes = vec![0];
        bytes.put_u32(message.len().try_into().unwrap());
        bytes.extend(message);
        let bytes = stream::iter([Ok(Frame::data(bytes.into()))]);
        self.send(path, headers, bytes.boxed())
    }

    fn send(
        &mut self,
        path: &str,
        headers: &[(&'static str, &str)],
        body: BoxStream<'static, Result<Frame<bytes::Bytes>, Infallible>>,
    ) -> impl Future<Output = hyper::Result<HttpResponse<Incoming>>> + Send + use<> {
        let mut request = HttpRequest::builder()
            .method(Method::POST)
            .uri(format!("http://vault.invalid{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = StreamBody::new(body);
        self.0.send_request(request.body(body).unwrap())
    }
}
