//! What every call goes through before it reaches a service: who is it, and may it?

use std::{
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
    context::Context,
    failure::{Face, Failure},
    http::Calls,
    rpc::Rpc,
    trace,
};

/// What decides.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) access: Arc<Access>,
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
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, poller: &mut Poller<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(poller)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(rpc) = Rpc::of_path(request.uri().path()) else {
            // No rpc of ours: the router says so.
            return Box::pin(self.inner.call(request));
        };
        let (calls, began) = (self.gate.calls.clone(), Instant::now());
        match self.gate.admit(rpc, &request) {
            Ok(context) => {
                request.extensions_mut().insert(context);
                let answering = self.inner.call(request);
                Box::pin(async move {
                    let answer = answering.await?;
                    calls.answered(rpc, code_of(&answer), began.elapsed());
                    Ok(answer)
                })
            }
            Err(status) => {
                calls.answered(rpc, status.code(), began.elapsed());
                Box::pin(async move { Ok(status.into_http()) })
            }
        }
    }
}

/// The status of an answer: one that fails says it in front, one that has a message behind it succeeded, as far as it came.
fn code_of(answer: &Response<Body>) -> Code {
    Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code())
}

impl Gate {
    /// Who calls, if it may.
    fn admit(&self, rpc: Rpc, request: &Request<Body>) -> Result<Context, Status> {
        let trace = trace::of_request(request.headers(), self.random.as_ref());
        let refuse = |failure: Failure| failure.into_status(Face::of_path(rpc.path()), &trace);
        let operation = operation_of(rpc);
        if *self.ending.borrow() && operation != Operation::Health {
            return Err(refuse(Failure::ending()));
        }
        let subject = self.subject(request, operation).map_err(refuse)?;
        if !subject.may(operation) {
            return Err(refuse(Failure::forbidden(operation, subject.name())));
        }
        Ok(Context { subject, trace })
    }

    fn subject(
        &self,
        request: &Request<Body>,
        operation: Operation,
    ) -> Result<Arc<Subject>, Failure> {
        // Whoever balances load has neither a certificate nor a token.
        if operation == Operation::Health {
            return Ok(Arc::new(Subject::anybody()));
        }
        let peer = request.extensions().get::<Peer>();
        let peer = peer.ok_or_else(|| Failure::unauthenticated("the connection has no peer"))?;
        let token = bearer_token(request.headers())?;
        let subject = self.access.subject(peer, token);
        subject.ok_or_else(|| Failure::unauthenticated(format!("nobody is known as {peer:?}")))
    }
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
