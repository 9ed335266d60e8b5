//! The control endpoint, for programs that are no Rust test.

use std::time::Duration;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_crypto::clock::Clock;

use crate::administrator::KeyReport;
use crate::cloud::Cloud;
use crate::weather::Weather;

/// Where control lives.
pub(crate) const PREFIX: &str = "/control/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceClock {
    milliseconds: u64,
}

/// Answers a request below [`PREFIX`] with a status and a JSON document; `Null` is none.
pub(crate) fn answer(
    cloud: &Cloud,
    method: &Method,
    path: &str,
    body: &[u8],
) -> (StatusCode, Value) {
    let resource = path.strip_prefix(PREFIX).unwrap_or_default();
    let outcome = match (method, resource) {
        (&Method::GET, "state") => state(cloud),
        (&Method::POST, "weather") => change_weather(cloud, body),
        (&Method::POST, "advance-clock") => advance_clock(cloud, body),
        (&Method::POST, "reset") => {
            *cloud.calls.lock() = crate::Calls::default();
            Ok(Value::Null)
        }
        _ => return (StatusCode::NOT_FOUND, json!({"error": "no such resource"})),
    };
    match outcome {
        Ok(Value::Null) => (StatusCode::NO_CONTENT, Value::Null),
        Ok(document) => (StatusCode::OK, document),
        Err(error) => (StatusCode::BAD_REQUEST, json!({"error": error.to_string()})),
    }
}

type Outcome = Result<Value, Box<dyn std::error::Error>>;

fn state(cloud: &Cloud) -> Outcome {
    Ok(json!({
        "now": now(cloud),
        "weather": cloud.sky.weather(),
        "keys": KeyReport::all(cloud)?,
        "calls": *cloud.calls.lock(),
    }))
}

fn change_weather(cloud: &Cloud, body: &[u8]) -> Outcome {
    let weather: Weather = serde_json::from_slice(body)?;
    cloud.sky.change(weather)?;
    Ok(Value::Null)
}

fn advance_clock(cloud: &Cloud, body: &[u8]) -> Outcome {
    let AdvanceClock { milliseconds } = serde_json::from_slice(body)?;
    cloud.clock.advance(Duration::from_millis(milliseconds));
    Ok(json!({"now": now(cloud)}))
}

/// Seconds since 1970.
fn now(cloud: &Cloud) -> f64 {
    cloud.clock.now().as_micros() as f64 / 1_000_000.0
}
