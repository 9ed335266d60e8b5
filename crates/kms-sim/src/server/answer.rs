//! From a request to an answer, or to none.

use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use strongroom_crypto::clock::Clock;

use super::connection::Cut;
use super::listener::Front;
use crate::aws::{AwsError, Call};
use crate::cloud::Cloud;
use crate::control;
use crate::keys::uuid;
use crate::weather::OutageKind;

/// The longest request that is understood, in bytes; the longest that AWS takes is a plaintext and its context.
const MAX_REQUEST: usize = 256 * 1024;

/// The longest request that is read to its end, so that its sender can read the refusal.
const MAX_READ: usize = 8 * 1024 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const AWS_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
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
    if body.len() > MAX_REQUEST {
        let error = AwsError::new("RequestEntityTooLargeException", "");
        return Ok(aws_error(cloud, &error));
    }
    if is_control {
        let (status, document) = control::answer(cloud, &parts.method, path, &body);
        return Ok(response(cloud, status, PLAIN_JSON, &document));
    }
    if front == Front::Control || parts.method != Method::POST || path != "/" {
        let document = json!({"error": "no such resource"});
        return Ok(response(
            cloud,
            StatusCode::NOT_FOUND,
            PLAIN_JSON,
            &document,
        ));
    }
    aws(cloud, &parts.headers, &body).await
}

/// A call of AWS: counted, through the weather, done, and answered unless the answer gets lost.
async fn aws(cloud: &Arc<Cloud>, headers: &HeaderMap, body: &[u8]) -> Result<Answer, Cut> {
    let name = Call::operation_of(headers);
    let count = |change: fn(&mut crate::Count)| cloud.calls.lock().change(name, change);
    count(|count| count.arrived += 1);
    let refuse = |error: AwsError| {
        count(|count| count.failed += 1);
        Ok(aws_error(cloud, &error))
    };
    let call = match Call::read(cloud, headers, body) {
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
            return refuse(AwsError::internal("An internal error occurred"));
        }
    }
    if !meeting.latency.is_zero() {
        tokio::time::sleep(meeting.latency).await;
    }
    if let Some(fault) = meeting.fault {
        return refuse(AwsError::of_fault(fault));
    }
    let worker = Arc::clone(cloud);
    // RSA keys take long to make, and no thread that serves others waits for them.
    let done = tokio::task::spawn_blocking(move || call.perform(&worker)).await;
    let done = done.unwrap_or_else(|stopped| Err(AwsError::internal(stopped.to_string())));
    if done.is_ok() {
        count(|count| count.succeeded += 1);
    } else {
        count(|count| count.failed += 1);
    }
    if meeting.answer_is_lost {
        count(|count| count.lost += 1);
        return Err(Cut::Close);
    }
    Ok(match done {
        Ok(document) => response(cloud, StatusCode::OK, AWS_JSON, &document),
        Err(error) => aws_error(cloud, &error),
    })
}

fn aws_error(cloud: &Cloud, error: &AwsError) -> Answer {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    response(cloud, status, AWS_JSON, &error.body())
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
    // Without an id an answer is still an answer.
    let id = uuid(cloud.random.as_ref()).ok();
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(REQUEST_ID, id);
    }
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
