//! From a request to an answer, or to none.

use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, DATE, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use strongroom_crypto::clock::Clock;

use super::connection::Cut;
use super::listener::Front;
use crate::cloud::Cloud;
use crate::face::{Asked, Refusal as _};
use crate::keys::uuid;
use crate::trail::Entry;
use crate::weather::{FaultKind, OutageKind};
use crate::{aws, control, gcp};

/// The longest request that is understood, in bytes; the longest that a cloud takes is Google's
/// plaintext of 64 KiB and as much data beside it, in Base64.
const MAX_REQUEST: usize = 256 * 1024;

/// The longest request that is read to its end, so that its sender can read the refusal.
const MAX_READ: usize = 8 * 1024 * 1024;

const PLAIN_JSON: HeaderValue = HeaderValue::from_static("application/json");

type Answer = Response<Full<Bytes>>;

pub(super) async fn answer(
    cloud: &Arc<Cloud>,
    front: Front,
    request: Request<Incoming>,
) -> Result<Answer, Cut> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let is_control = path.starts_with(control::PREFIX);
    if !is_control && front == Front::Everything && cloud.sky.refuses() {
        return Err(Cut::Reset);
    }
    let Ok(body) = Limited::new(body, MAX_READ).collect().await else {
        return Err(Cut::Close);
    };
    let body = body.to_bytes();
    if is_control {
        let (status, document) = control::answer(cloud, &parts.method, path, &body);
        return Ok(response(cloud, status, PLAIN_JSON, &document));
    }
    let Parts {
        method,
        uri,
        headers,
        ..
    } = &parts;
    let too_long = body.len() > MAX_REQUEST;
    match front {
        Front::Everything if gcp::is_ours(path) && too_long => Ok(too_long_for::<gcp::Call>(cloud)),
        Front::Everything if gcp::is_ours(path) => {
            let name = gcp::Call::operation_of(method, uri);
            through_weather(cloud, name, gcp::Call::read(method, uri, &body)).await
        }
        Front::Everything if too_long => Ok(too_long_for::<aws::Call>(cloud)),
        Front::Everything if *method == Method::POST && path == "/" => {
            let name = aws::Call::operation_of(headers);
            through_weather(cloud, name, aws::Call::read(cloud, headers, &body)).await
        }
        Front::Everything | Front::Control => {
            let document = json!({"error": "no such resource"});
            Ok(response(
                cloud,
                StatusCode::NOT_FOUND,
                PLAIN_JSON,
                &document,
            ))
        }
    }
}

/// A call: counted, through the weather, done, and answered unless the answer gets lost.
async fn through_weather<A: Asked>(
    cloud: &Arc<Cloud>,
    name: &'static str,
    call: Result<A, A::Refusal>,
) -> Result<Answer, Cut> {
    let count = |change: fn(&mut crate::Count)| cloud.calls.lock().change(name, change);
    count(|count| count.arrived += 1);
    let refuse = |error: A::Refusal| {
        count(|count| count.failed += 1);
        Ok(refusal::<A>(cloud, &error))
    };
    let call = match call {
        Ok(call) => call,
        Err(error) => return refuse(error),
    };
    let meeting = call.meet(cloud);
    match meeting.outage {
        None => {}
        Some(OutageKind::Refuse) => return Err(Cut::Reset),
        Some(OutageKind::Reset) => return Err(Cut::HalfThenReset),
        Some(OutageKind::Hang) => std::future::pending().await,
        Some(OutageKind::InternalError) => {
            return refuse(A::Refusal::of_fault(FaultKind::Internal));
        }
    }
    if !meeting.latency.is_zero() {
        tokio::time::sleep(meeting.latency).await;
    }
    if let Some(fault) = meeting.fault {
        return refuse(A::Refusal::of_fault(fault));
    }
    let key = call.key(cloud);
    let worker = Arc::clone(cloud);
    // RSA keys take long to make, and no thread that serves others waits for them.
    let done = tokio::task::spawn_blocking(move || call.perform(&worker)).await;
    let done = done.unwrap_or_else(|stopped| Err(A::Refusal::internal(stopped.to_string())));
    if done.is_ok() {
        count(|count| count.succeeded += 1);
    } else {
        count(|count| count.failed += 1);
    }
    let mut entry = Entry {
        time: cloud.clock.now(),
        operation: name,
        key: key.or_else(|| done.as_ref().ok().and_then(A::made)),
        request_id: None,
        failed: done.is_err(),
    };
    if meeting.answer_is_lost {
        count(|count| count.lost += 1);
        write_down::<A>(cloud, entry);
        return Err(Cut::Close);
    }
    let answer = match done {
        Ok(document) => answer_of::<A>(cloud, StatusCode::OK, &document),
        Err(error) => refusal::<A>(cloud, &error),
    };
    let id = A::REQUEST_ID.and_then(|header| answer.headers().get(header)?.to_str().ok());
    entry.request_id = id.map(str::to_owned);
    write_down::<A>(cloud, entry);
    Ok(answer)
}

/// Only AWS numbers requests and has a CloudTrail.
fn write_down<A: Asked>(cloud: &Cloud, entry: Entry) {
    if A::REQUEST_ID.is_some() {
        cloud.trail.add(entry);
    }
}

fn too_long_for<A: Asked>(cloud: &Cloud) -> Answer {
    refusal::<A>(cloud, &A::Refusal::too_long())
}

fn refusal<A: Asked>(cloud: &Cloud, error: &A::Refusal) -> Answer {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    answer_of::<A>(cloud, status, &error.body())
}

/// An answer with the headers of its cloud.
fn answer_of<A: Asked>(cloud: &Cloud, status: StatusCode, document: &Value) -> Answer {
    let kind = HeaderValue::from_static(A::CONTENT_TYPE);
    let mut answer = response(cloud, status, kind, document);
    if let Some(header) = A::REQUEST_ID {
        // Without an id an answer is still an answer.
        let id = uuid(cloud.random.as_ref()).ok();
        if let Some(id) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
            answer.headers_mut().insert(header, id);
        }
    }
    answer
}

fn response(cloud: &Cloud, status: StatusCode, kind: HeaderValue, document: &Value) -> Answer {
    let body = if document.is_null() {
        Bytes::new()
    } else {
        Bytes::from(document.to_string())
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    // Clients correct their clocks by this one; it must be the clock that judges their dates.
    if let Some(date) = date(cloud) {
        headers.insert(DATE, date);
    }
    response
}

fn date(cloud: &Cloud) -> Option<HeaderValue> {
    let now = Timestamp::from_microsecond(cloud.clock.now().as_micros()).ok()?;
    HeaderValue::try_from(now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}
