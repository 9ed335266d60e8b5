//! What every call goes through before it reaches a service: who is it, and may it?

use std::{
    num::NonZeroU32,
    sync::Arc,
    task::{Context as Poller, Poll},
    time::Instant,
};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use strongroom_crypto::Random;
use tokio::sync::watch;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service};

use crate::{
    access::{Access, Operation, Peer, Subject, operation_of},
    context::{Context, Trace},
    failure::{Face, Failure},
    http::Calls,
    rpc::Rpc,
    tokens::{TokenError, Tokens},
    trace,
};

/// The header by which a caller goes on without a second person: its value says why.
const BREAK_GLASS: &str = "strongroom-break-glass";

/// What decides.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) access: Arc<Access>,
    pub(crate) tokens: Tokens,
    pub(crate) random: Arc<dyn Random>,
    /// Whether the server is about to end.
    pub(crate) ending: watch::Receiver<bool>,
    pub(crate) calls: Calls,
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated {
            gate: self.clone(),
            inner,
        }
    }
}

/// The services behind the gate.
#[derive(Clone, Debug)]
pub(crate) struct Gated<S> {
    gate: Gate,
    inner: S,
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, poller: &mut Poller<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(poller)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(call) = Call::of(&request, self.gate.random.as_ref()) else {
            // No rpc of ours: the router says so.
            return Box::pin(self.inner.call(request));
        };
        let (calls, rpc, began) = (self.gate.calls.clone(), call.rpc, Instant::now());
        let passing = self.pass(call, request);
        Box::pin(async move {
            let answer = passing.await?;
            calls.answered(rpc, code_of(&answer), began.elapsed());
            Ok(answer)
        })
    }
}

/// The status of an answer: one that fails says it in front, one that has a message behind it succeeded, as far as it came.
fn code_of(answer: &Response<Body>) -> Code {
    Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code())
}

type Passing<E> = BoxFuture<'static, Result<Response<Body>, E>>;

impl<S> Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    /// Lets the call through, or not.
    fn pass(&mut self, call: Call, mut request: Request<Body>) -> Passing<S::Error> {
        let known = self.gate.known(&call, &request);
        let known = match known {
            Ok(Known::Unverified(token)) => {
                // The service that said that it is ready is the one to call.
                let unready = self.inner.clone();
                let mut ready = std::mem::replace(&mut self.inner, unready);
                let gate = self.gate.clone();
                return Box::pin(async move {
                    let subject = gate.verified(&token).await;
                    match subject.and_then(|subject| gate.admit(&call, subject)) {
                        Ok(context) => {
                            request.extensions_mut().insert(context);
                            ready.call(request).await
                        }
                        Err(failure) => Ok(call.refuse(failure).into_http()),
                    }
                });
            }
            Ok(Known::Subject(subject)) => self.gate.admit(&call, subject),
            Err(failure) => Err(failure),
        };
        match known {
            Ok(context) => {
                request.extensions_mut().insert(context);
                Box::pin(self.inner.call(request))
            }
            Err(failure) => {
                let status = call.refuse(failure);
                Box::pin(async move { Ok(status.into_http()) })
            }
        }
    }
}

/// A call of an rpc of ours.
struct Call {
    rpc: Rpc,
    operation: Operation,
    face: Face,
    trace: Trace,
    /// Why it shall be done without a second person.
    break_glass: Option<String>,
}

impl Call {
    /// None for a path that is no rpc.
    fn of(request: &Request<Body>, random: &dyn Random) -> Option<Self> {
        let path = request.uri().path();
        let rpc = Rpc::of_path(path)?;
        Some(Self {
            rpc,
            operation: operation_of(rpc),
            face: Face::of_path(path),
            trace: trace::of_request(request.headers(), random),
            break_glass: reason(request.headers()),
        })
    }

    fn refuse(&self, failure: Failure) -> Status {
        failure.into_status(self.face, &self.trace)
    }
}

/// Whether it is known already who calls.
enum Known {
    Subject(Arc<Subject>),
    /// Its token is new, and to verify it may take a while.
    Unverified(String),
}

impl Gate {
    fn known(&self, call: &Call, request: &Request<Body>) -> Result<Known, Failure> {
        // Whoever balances load has neither a certificate nor a token.
        if call.operation == Operation::Health {
            return Ok(Known::Subject(Arc::new(Subject::anybody())));
        }
        if *self.ending.borrow() {
            return Err(Failure::ending());
        }
        let peer = request.extensions().get::<Peer>();
        let peer = peer.ok_or_else(|| Failure::unauthenticated("the connection has no peer"))?;
        match bearer_token(request.headers())? {
            // Without rules nobody is told apart.
            Some(token) if self.access.has_rules() => match self.tokens.remembered(token) {
                Some(name) => self.named(&name).map(Known::Subject),
                None => Ok(Known::Unverified(token.to_owned())),
            },
            _ => {
                let subject = self.access.of_peer(peer);
                let unknown = || Failure::unauthenticated(format!("nobody is known as {peer:?}"));
                subject.ok_or_else(unknown).map(Known::Subject)
            }
        }
    }

    /// Whose token it is, once it is verified. What is wrong with it stays here, and it with that.
    async fn verified(&self, token: &str) -> Result<Arc<Subject>, Failure> {
        match self.tokens.verify(token).await {
            Ok(name) => self.named(&name),
            Err(TokenError::KeysUnavailable) => Err(Failure::token_keys_unavailable()),
            Err(error) => Err(Failure::unauthenticated(error.to_string())),
        }
    }

    fn named(&self, token_subject: &str) -> Result<Arc<Subject>, Failure> {
        let subject = self.access.of_token(token_subject);
        subject.ok_or_else(|| {
            Failure::unauthenticated(format!("no caller has tokens for {token_subject:?}"))
        })
    }

    /// What goes with the call, if the caller may make it.
    fn admit(&self, call: &Call, subject: Arc<Subject>) -> Result<Context, Failure> {
        if !subject.take(NonZeroU32::MIN) {
            return Err(Failure::too_many_calls(subject.name()));
        }
        if !subject.may(call.operation) {
            return Err(Failure::forbidden(call.operation, subject.name()));
        }
        Ok(Context {
            subject,
            trace: call.trace.clone(),
            rpc: call.rpc,
            break_glass: call.break_glass.clone(),
        })
    }
}

/// Why the caller goes on without a second person; one that is no text is as good as none, and is refused where it is needed.
fn reason(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(BREAK_GLASS)?;
    Some(value.to_str().unwrap_or_default().to_owned())
}

/// The token that a caller shows; an unreadable one is refused, never ignored.
fn bearer_token(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let mut values = headers.get_all(http::header::AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else {
        return Ok(None);
    };
    let bearer = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match (bearer, second) {
        (Some(token), None) if !token.is_empty() => Ok(Some(token)),
        _ => Err(Failure::unauthenticated(
            "the authorization is no bearer token",
        )),
    }
}
