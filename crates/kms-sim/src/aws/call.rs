//! Reading a request.

use data_encoding::BASE64;
use hyper::HeaderMap;
use jiff::fmt::strtime;
use jiff::tz::Offset;
use serde_json::Value;
use strongroom_crypto::Timestamp;
use strongroom_crypto::clock::Clock;

use super::error::AwsError;
use super::operations::{Handler, Operation, Work};
use super::session::Session;
use crate::cloud::Cloud;
use crate::face::Asked;
use crate::keys::{Key, KeySpec, SealedBy};
use crate::weather::{Load, Meeting, Subject};

/// How far a caller's clock may be from ours, in microseconds.
const MAX_SKEW_MICROS: u64 = 5 * 60 * 1_000_000;

const TARGET_PREFIX: &str = "TrentService.";

/// A request that is whole and whose caller is known. Its signature was not checked.
#[derive(Debug)]
pub(crate) struct Call {
    operation: &'static Operation,
    region: String,
    body: Value,
}

impl Call {
    /// The name of the operation that a request asks for; `unknown` if there is no such operation.
    pub(crate) fn operation_of(headers: &HeaderMap) -> &'static str {
        operation(headers).map_or("unknown", |operation| operation.name)
    }

    /// Reads a request, in the order in which AWS refuses: caller, operation, body.
    pub(crate) fn read(cloud: &Cloud, headers: &HeaderMap, body: &[u8]) -> Result<Self, AwsError> {
        let region = caller_region(headers)?;
        check_date(headers, cloud.clock.now())?;
        let operation =
            operation(headers).ok_or_else(|| AwsError::new("UnknownOperationException", ""))?;
        let body = match serde_json::from_slice(body) {
            Ok(body @ Value::Object(_)) => body,
            _ => return Err(AwsError::new("SerializationException", "")),
        };
        Ok(Self {
            operation,
            region,
            body,
        })
    }

    /// The key that the call is about: the one that it names, else the one that its ciphertext names.
    fn named_key(&self, cloud: &Cloud) -> Option<Key> {
        let member = |name: &str| self.body.get(name)?.as_str();
        let names = ["KeyId", "DestinationKeyId", "TargetKeyId"];
        if let Some(name) = names.into_iter().find_map(member) {
            return Session::new(cloud, &self.region).resolve(name).ok();
        }
        let ciphertext = BASE64.decode(member("CiphertextBlob")?.as_bytes()).ok()?;
        let by = SealedBy::read(&ciphertext).ok()?;
        cloud.keys.find(&self.region, &by.key_id).ok()
    }
}

impl Asked for Call {
    type Refusal = AwsError;

    const CONTENT_TYPE: &'static str = "application/x-amz-json-1.1";
    const REQUEST_ID: Option<&'static str> = Some("x-amzn-requestid");

    fn meet(&self, cloud: &Cloud) -> Meeting {
        let key = self.named_key(cloud);
        let load = match self.operation.work {
            Work::Administers => Load::Control,
            Work::Computes => Load::Key(key.as_ref().map_or(KeySpec::Symmetric, |key| key.spec)),
        };
        cloud.sky.meet(Subject {
            region: &self.region,
            operation: self.operation.name,
            key: key.as_ref().map(|key| key.id.as_str()),
            load,
        })
    }

    fn key(&self, cloud: &Cloud) -> Option<String> {
        let key = self.named_key(cloud)?;
        let (region, account) = (&self.region, &cloud.account);
        Some(format!("arn:aws:kms:{region}:{account}:key/{}", key.id))
    }

    fn made(document: &Value) -> Option<String> {
        let arn = document.get("KeyMetadata")?.get("Arn")?.as_str()?;
        Some(arn.to_owned())
    }

    fn perform(self, cloud: &Cloud) -> Result<Value, AwsError> {
        let Self {
            operation,
            region,
            body,
        } = self;
        let handler: Handler = operation.handler;
        handler(&Session::new(cloud, &region), body)
    }
}

fn operation(headers: &HeaderMap) -> Option<&'static Operation> {
    let target = text(headers, "x-amz-target")?;
    Operation::named(target.strip_prefix(TARGET_PREFIX)?)
}

/// The region that the credentials are scoped to: that is the endpoint that the caller believes to speak to.
fn caller_region(headers: &HeaderMap) -> Result<String, AwsError> {
    let Some(authorization) = text(headers, "authorization") else {
        return Err(AwsError::new(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    };
    let incomplete = || {
        AwsError::new(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters",
        )
    };
    let parameters = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or_else(incomplete)?;
    let parameter = |name: &str| {
        let mut all = parameters.split(',').map(str::trim);
        all.find_map(|parameter| parameter.strip_prefix(name)?.strip_prefix('='))
            .ok_or_else(incomplete)
    };
    let credential = parameter("Credential")?;
    parameter("SignedHeaders")?;
    parameter("Signature")?;
    let scope: Vec<&str> = credential.rsplit('/').take(4).collect();
    match scope.as_slice() {
        ["aws4_request", "kms", region, _date] => Ok((*region).to_owned()),
        ["aws4_request", service, ..] => Err(AwsError::new(
            "InvalidSignatureException",
            format!("Credential should be scoped to correct service: 'kms', not '{service}'."),
        )),
        _ => Err(incomplete()),
    }
}

fn check_date(headers: &HeaderMap, now: Timestamp) -> Result<(), AwsError> {
    let date = text(headers, "x-amz-date").and_then(|date| Some((date, parsed_date(date)?)));
    let Some((date, micros)) = date else {
        return Err(AwsError::new(
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header",
        ));
    };
    if now.as_micros().abs_diff(micros) <= MAX_SKEW_MICROS {
        return Ok(());
    }
    let wrong = if micros < now.as_micros() {
        "Signature expired"
    } else {
        "Signature not yet current"
    };
    Err(AwsError::new(
        "InvalidSignatureException",
        format!("{wrong}: {date} is more than 5 min. away from the server's clock."),
    ))
}

fn parsed_date(date: &str) -> Option<i64> {
    let date = strtime::parse("%Y%m%dT%H%M%SZ", date)
        .ok()?
        .to_datetime()
        .ok()?;
    let time = Offset::UTC.to_timestamp(date).ok()?;
    Some(time.as_microsecond())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
