//! What every call goes through before it reaches a service: who is it, and may it?

mod answered;
mod awaited;
mod call;
mod counted;
mod deadline;
mod ends;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use tokio::sync::watch;
use tonic::{Code, Status, body::Body, service::Routes};
use tower::Service as _;

pub(crate) use self::{answered::Answer, call::Call};
use self::{answered::CountedCall, counted::Counted, ends::Ends};
use crate::{
    access::{Access, Operation, Peer, Subject},
    codec,
    context::{Admitted, Context},
    failure::Failure,
    http::Calls,
    listen::ConnectionState,
    refusals::Refusals,
    rpc::Rpc,
    stranger_log::StrangerLog,
    tokens::{Proof, TokenError, Tokens},
    trace::Traces,
};

/// What decides.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) access: Access,
    pub(crate) tokens: Tokens,
    pub(crate) traces: Traces,
    /// Whether the server is about to end.
    pub(crate) ending: watch::Receiver<bool>,
    pub(crate) calls: Calls,
    pub(crate) stranger_log: Arc<StrangerLog>,
    pub(crate) refusals: Refusals,
}

/// The services behind the gate.
#[derive(Clone, Debug)]
pub(crate) struct Gated {
    pub(crate) gate: Arc<Gate>,
    pub(crate) services: Routes,
}

impl Gated {
    /// Answers a call: by its service, or with why not.
    pub(crate) fn answer(
        &self,
        request: Request<Body>,
        peer: &Peer,
        connection: &Arc<ConnectionState>,
    ) -> BoxFuture<'static, Response<Answer>> {
        let Gated { gate, mut services } = self.clone();
        let Some(call) = Call::of(&request, &gate.traces).map(Arc::new) else {
            // No rpc of ours: the router says so.
            let answering = services.call(request);
            return Box::pin(async move {
                match answering.await {
                    Ok(answer) => Answer::uncounted(answer),
                    Err(never) => match never {},
                }
            });
        };
        let counted = CountedCall::begun(gate.calls.clone(), call.rpc);
        let (peer, connection) = (peer.clone(), Arc::clone(connection));
        Box::pin(async move {
            if call.is_too_late() {
                let refused = gate.refuse_unheard(&call, Failure::too_late());
                return counted.answered(Answer::refusal(refused));
            }
            let answering = pass(&gate, services, &call, request, &peer, connection);
            let answer = match call.deadline {
                None => answering.await,
                Some(deadline) => match tokio::time::timeout_at(deadline, answering).await {
                    Ok(answer) => answer,
                    Err(_passed) => Answer::refusal(call.refuse(Failure::too_late())),
                },
            };
            counted.answered(answer)
        })
    }
}

/// Lets the call through, or not.
async fn pass(
    gate: &Gate,
    mut services: Routes,
    call: &Arc<Call>,
    request: Request<Body>,
    peer: &Peer,
    connection: Arc<ConnectionState>,
) -> Response<Answer> {
    let (mut parts, body) = request.into_parts();
    let context = match gate.context(call, &parts.headers, peer).await {
        Ok(context) => context,
        Err(failure) => return Answer::refusal(gate.refuse(call, failure)),
    };
    if call.operation != Operation::Health {
        connection.is_known();
    } else if !connection.may_ask() {
        return Answer::refusal(gate.refuse(call, Failure::asks_too_much()));
    }
    let ends = Ends {
        context: context.clone(),
        ending: gate.ending.clone(),
    };
    let counted = Counted::new(body, context.clone());
    parts.extensions.insert(context.clone());
    let request = Request::from_parts(parts, counted);
    let answering = services.call(ends.of_request(request));
    match codec::within(Arc::clone(call), answering).await {
        Ok(answer) if blames_us(call, &answer) => {
            Answer::refusal(call.refuse(Failure::unreadable("no message of this rpc")))
        }
        Ok(answer) => {
            let answer = ends.of_answer(answer, &connection);
            Answer::counted(answer, &context, connection)
        }
        Err(never) => match never {},
    }
}

/// Whether it is said to be our fault that somebody sent bytes that are no message. The service that tells whether the server is well
/// is the one that does not read as ours do ([`codec`]), and says so for no other reason: anybody could raise the alarm.
fn blames_us<B>(call: &Call, answer: &Response<B>) -> bool {
    matches!(call.rpc, Rpc::HealthCheck | Rpc::HealthWatch)
        && Status::from_header_map(answer.headers()).is_some_and(|it| it.code() == Code::Internal)
}

impl Gate {
    /// Who calls, if it may make this call.
    async fn context(
        &self,
        call: &Arc<Call>,
        headers: &HeaderMap,
        peer: &Peer,
    ) -> Result<Context, Failure> {
        // Whoever balances load has neither a certificate nor a token.
        if call.operation == Operation::Health {
            return self.admit(call, Arc::new(Subject::anybody()), None);
        }
        if *self.ending.borrow() {
            return Err(Failure::ending());
        }
        match bearer_token(headers)? {
            // Without rules nobody is told apart.
            Some(token) if self.access.has_rules() => {
                let proof = match self.tokens.remembered(token) {
                    Some(proof) => proof,
                    None => self.verified(token).await?,
                };
                let subject = self.named(&proof)?;
                self.admit(call, subject, Some(proof.until))
            }
            _ => {
                let subject = self.access.of_peer(peer);
                let unknown = |why| Failure::unauthenticated(format!("{peer:?}: {why}"));
                self.admit(call, subject.map_err(unknown)?, None)
            }
        }
    }

    /// What a token proves, once it is verified. What is wrong with it stays here, and it with that.
    async fn verified(&self, token: &str) -> Result<Proof, Failure> {
        match self.tokens.verify(token).await {
            Ok(proof) => Ok(proof),
            Err(TokenError::KeysUnavailable) => Err(Failure::token_keys_unavailable()),
            Err(error) => Err(Failure::unauthenticated(error.to_string())),
        }
    }

    fn named(&self, proof: &Proof) -> Result<Arc<Subject>, Failure> {
        let Proof {
            service, subject, ..
        } = proof;
        let known = self.access.of_token(service.as_deref(), subject);
        known.map_err(|why| {
            let of = service.as_deref().unwrap_or("the only service");
            Failure::unauthenticated(format!("a token of {of} for {subject:?}: {why}"))
        })
    }

    /// What goes with the call, if the caller may make it. What it proved holds until `until`; none: as long as its connection.
    fn admit(
        &self,
        call: &Arc<Call>,
        subject: Arc<Subject>,
        until: Option<tokio::time::Instant>,
    ) -> Result<Context, Failure> {
        let counted = subject.allowance().call();
        counted.map_err(|wait| Failure::too_many_calls(subject.name(), wait))?;
        let context = Context::new(Admitted {
            call: Arc::clone(call),
            memory: subject.message_memory().of_call(),
            subject,
            until,
            refusals: self.refusals.clone(),
        });
        let allowed = context.check(call.operation);
        if let Err(failure) = &allowed {
            self.refusals.note(&context, failure);
        }
        allowed.map(|()| context)
    }

    /// Tells a caller why not, and the log, which strangers do not fill.
    fn refuse(&self, call: &Call, failure: Failure) -> Status {
        if !failure.is_of_a_stranger() {
            return call.refuse(failure);
        }
        self.refuse_unheard(call, failure)
    }

    /// The same where it is not known who calls: of those the log has a few.
    fn refuse_unheard(&self, call: &Call, failure: Failure) -> Status {
        self.stranger_log.tell(|| failure.log(&call.trace));
        failure.status(call.face, &call.trace)
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
