//! What every test needs: a simulator whose clock stands still, and the plainest of clients.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use strongroom_crypto::clock::Clock;
use strongroom_crypto::{SystemRandom, Timestamp};
use strongroom_kms_sim::{Scenario, Simulator, Weather};

pub(crate) const REGION: &str = "eu-central-1";

/// 2027-01-15T08:00:00Z.
pub(crate) const BEGIN: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
pub(crate) const BEGIN_TEXT: &str = "20270115T080000Z";

/// How long a test waits for an answer that must come: RSA keys take their time.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a test waits for an answer before it believes that none comes.
const IMPATIENCE: Duration = Duration::from_millis(300);

#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        BEGIN
    }
}

/// A simulator at [`BEGIN`] that only moves when it is advanced.
pub(crate) fn standing(scenario: Scenario) -> Simulator {
    Simulator::start_with(scenario, Arc::new(StandingClock), Arc::new(SystemRandom)).unwrap()
}

pub(crate) fn under(weather: Weather) -> Simulator {
    standing(Scenario {
        weather,
        ..Scenario::default()
    })
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Status, headers in small letters, body; `Null` if that is empty.
    Answer(u16, String, Value),
    /// The connection was refused.
    Refused,
    /// The connection ended without a whole answer.
    Cut,
    /// The connection was reset, perhaps in the middle of an answer.
    Reset,
    /// Nothing came for as long as anybody waited.
    Silence,
}

impl Reply {
    /// The answer to what had to succeed.
    #[track_caller]
    pub(crate) fn good(self) -> Value {
        match self {
            Self::Answer(200..=299, _, body) => body,
            other => panic!("an answer was expected, not {other:?}"),
        }
    }

    /// The error type of what had to fail.
    #[track_caller]
    pub(crate) fn error(self) -> String {
        match self {
            Self::Answer(400..=599, _, body) => body["__type"].as_str().unwrap().to_owned(),
            other => panic!("an error was expected, not {other:?}"),
        }
    }
}

/// Calls an operation in [`REGION`].
pub(crate) fn call(simulator: &Simulator, operation: &str, body: &Value) -> Reply {
    call_in(simulator, REGION, operation, body)
}

pub(crate) fn call_in(simulator: &Simulator, region: &str, operation: &str, body: &Value) -> Reply {
    let headers = headers(simulator, region, operation);
    let body = body.to_string();
    post(simulator.endpoint(), "/", &headers, body.as_bytes())
}

/// Calls an operation from which no answer is expected.
pub(crate) fn call_in_vain(simulator: &Simulator, operation: &str, body: &Value) -> Reply {
    let headers = headers(simulator, REGION, operation);
    let body = body.to_string();
    let mut stream = match sent(simulator.endpoint(), "POST", "/", &headers, body.as_bytes()) {
        Ok(stream) => stream,
        Err(reply) => return reply,
    };
    received(&mut stream, IMPATIENCE)
}

fn headers(simulator: &Simulator, region: &str, operation: &str) -> [String; 3] {
    [
        format!("x-amz-target: TrentService.{operation}"),
        format!("authorization: {}", authorization(region)),
        format!("x-amz-date: {}", date(simulator)),
    ]
}

pub(crate) fn authorization(region: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIATEST/20270115/{region}/kms/aws4_request, SignedHeaders=host, Signature=00"
    )
}

/// The simulator's time as a caller writes it.
fn date(simulator: &Simulator) -> String {
    let micros = simulator.now().as_micros();
    let time = jiff::Timestamp::from_microsecond(micros).unwrap();
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

pub(crate) fn post(endpoint: &str, path: &str, headers: &[String], body: &[u8]) -> Reply {
    request(endpoint, "POST", path, headers, body)
}

pub(crate) fn request(
    endpoint: &str,
    method: &str,
    path: &str,
    headers: &[String],
    body: &[u8],
) -> Reply {
    match sent(endpoint, method, path, headers, body) {
        Ok(mut stream) => received(&mut stream, PATIENCE),
        Err(reply) => reply,
    }
}

fn sent(
    endpoint: &str,
    method: &str,
    path: &str,
    headers: &[String],
    body: &[u8],
) -> Result<TcpStream, Reply> {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused => Reply::Refused,
        _ => panic!("{error}"),
    })?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let _seen_when_reading = stream.write_all(&[head.as_bytes(), body].concat());
    Ok(stream)
}

fn received(stream: &mut TcpStream, patience: Duration) -> Reply {
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => parse(&bytes),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Reply::Reset,
        Err(error) if error.kind() == ErrorKind::WouldBlock => Reply::Silence,
        Err(error) => panic!("{error}"),
    }
}

fn parse(bytes: &[u8]) -> Reply {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Reply::Cut;
    };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(body).unwrap()
    };
    Reply::Answer(status, head.to_lowercase(), body)
}

/// Makes a key and says its id.
pub(crate) fn new_key(simulator: &Simulator, members: &Value) -> String {
    let answer = call(simulator, "CreateKey", members).good();
    answer["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

/// Waits, a minute at most, until `true` is answered: for what a listener does within hundredths of a second.
#[track_caller]
pub(crate) fn soon(what: &str, mut true_now: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if true_now() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen");
}
