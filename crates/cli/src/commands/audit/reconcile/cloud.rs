//! The logs of the clouds.
//!
//! AWS: CloudTrail record contents, version 1.08 and later. Google: `LogEntry` with an `AuditLog` as its payload.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use strongroom_crypto::Timestamp;

use super::calls::{Event, key_name};
use crate::{failure::CliError, input};

/// Whose log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cloud {
    Aws,
    Gcp,
}

impl Cloud {
    /// What this cloud calls the request that our log has under this name; none for a look.
    pub(super) fn operations(self, request: &str) -> &'static [&'static str] {
        match (self, request) {
            (Self::Aws, "CreateKeyRequest") => &["CreateKey"],
            (Self::Aws, "ImportKeyRequest") => &["ImportKeyMaterial", "CreateKey"],
            (Self::Aws, "DeleteKeyRequest") => &["ScheduleKeyDeletion"],
            (Self::Aws, "ReEncryptRequest") => &["ReEncrypt"],
            (Self::Aws, "SetTagRequest") => &["TagResource"],
            (Self::Aws, "DecryptRequest") => &["Decrypt"],
            (Self::Aws, "SignRequest") => &["Sign"],
            (_, "EncryptRequest") => &["Encrypt"],
            (Self::Gcp, "CreateKeyRequest") => &["CreateCryptoKey"],
            (Self::Gcp, "ImportKeyRequest") => &[
                "ImportCryptoKeyVersion",
                "CreateCryptoKey",
                "CreateImportJob",
            ],
            (Self::Gcp, "DeleteKeyRequest") => &["DestroyCryptoKeyVersion"],
            (Self::Gcp, "ReEncryptRequest") => &["Encrypt", "Decrypt"],
            (Self::Gcp, "SetTagRequest") => &["UpdateCryptoKey"],
            (Self::Gcp, "DecryptRequest") => &["Decrypt", "AsymmetricDecrypt"],
            (Self::Gcp, "SignRequest") => &["AsymmetricSign"],
            _ => &[],
        }
    }

    /// The events of a file that are about keys.
    pub(super) fn read(self, bytes: &[u8], path: &Path) -> Result<Vec<Event>, CliError> {
        let malformed = || CliError::BadArgument {
            value: input::named(path),
            expected: match self {
                Self::Aws => "a log of AWS CloudTrail",
                Self::Gcp => "a log of Google's Cloud Audit Logs",
            },
        };
        match self {
            Self::Aws => read_trail(bytes),
            Self::Gcp => read_entries(bytes),
        }
        .ok_or_else(malformed)
    }
}

#[derive(Deserialize)]
enum Trail {
    /// A file that CloudTrail wrote.
    Records(Vec<Value>),
    /// What `aws cloudtrail lookup-events` printed.
    Events(Vec<FoundEvent>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FoundEvent {
    cloud_trail_event: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TrailRecord {
    event_time: String,
    event_name: String,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    error_code: Option<String>,
    user_identity: Option<UserIdentity>,
    request_parameters: Option<TrailParameters>,
    response_elements: Option<TrailAnswer>,
    resources: Option<Vec<TrailResource>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserIdentity {
    arn: Option<String>,
    principal_id: Option<String>,
    invoked_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TrailParameters {
    key_id: Option<String>,
    source_key_id: Option<String>,
    destination_key_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TrailAnswer {
    key_id: Option<String>,
    key_metadata: Option<TrailMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TrailMetadata {
    key_id: Option<String>,
}

#[derive(Deserialize)]
struct TrailResource {
    #[serde(rename = "ARN")]
    arn: Option<String>,
}

fn read_trail(bytes: &[u8]) -> Option<Vec<Event>> {
    // Both kinds have other fields beside.
    let mut document: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    document.retain(|name, _| name == "Records" || name == "Events");
    let records = match parse::<Trail>(document.into())? {
        Trail::Records(records) => records,
        Trail::Events(events) => {
            let parse = |event: &FoundEvent| serde_json::from_str(&event.cloud_trail_event).ok();
            events.iter().map(parse).collect::<Option<_>>()?
        }
    };
    // Those of other services have parameters of other shapes.
    let of_kms = |record: &Value| record.get("eventSource") == Some(&"kms.amazonaws.com".into());
    let records = records.into_iter().filter(of_kms);
    records
        .map(|record| Event::of_trail(parse(record)?))
        .collect()
}

fn parse<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_micros(moment.as_microsecond()))
}

impl Event {
    fn of_trail(record: TrailRecord) -> Option<Self> {
        let mut keys = BTreeSet::new();
        if let Some(asked) = record.request_parameters {
            keys.extend(asked.key_id);
            keys.extend(asked.source_key_id);
            keys.extend(asked.destination_key_id);
        }
        if let Some(answer) = record.response_elements {
            keys.extend(answer.key_id);
            keys.extend(answer.key_metadata.and_then(|made| made.key_id));
        }
        let resources = record.resources.into_iter().flatten();
        keys.extend(resources.filter_map(|resource| resource.arn));
        let by = record.user_identity;
        Some(Self {
            time: moment(&record.event_time)?,
            operation: record.event_name,
            keys: names(&keys),
            request_id: record.request_id,
            id: record.event_id.unwrap_or_default(),
            by: by
                .and_then(|by| by.arn.or(by.principal_id).or(by.invoked_by))
                .unwrap_or_default(),
            failed: record.error_code.is_some(),
        })
    }
}

fn names(keys: &BTreeSet<String>) -> Vec<String> {
    let names: BTreeSet<_> = keys.iter().map(|key| key_name(key)).collect();
    names.into_iter().collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogEntry {
    insert_id: Option<String>,
    timestamp: String,
    proto_payload: Option<AuditLog>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuditLog {
    service_name: Option<String>,
    #[serde(default)]
    method_name: String,
    resource_name: Option<String>,
    authentication_info: Option<AuthenticationInfo>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticationInfo {
    principal_email: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: i32,
}

/// One array, or one document after the other.
fn read_entries(bytes: &[u8]) -> Option<Vec<Event>> {
    let mut events = Vec::new();
    for document in serde_json::Deserializer::from_slice(bytes).into_iter() {
        let entries = match document.ok()? {
            Value::Array(entries) => entries,
            entry => vec![entry],
        };
        for entry in entries {
            events.extend(event_of(parse(entry)?)?);
        }
    }
    Some(events)
}

/// None if it is no entry of a log; `Some(None)` if it is one of another service.
fn event_of(entry: LogEntry) -> Option<Option<Event>> {
    let time = moment(&entry.timestamp)?;
    let of_kms =
        |payload: &AuditLog| payload.service_name.as_deref() == Some("cloudkms.googleapis.com");
    let Some(payload) = entry.proto_payload.filter(of_kms) else {
        return Some(None);
    };
    let method = payload.method_name;
    let operation = method.rsplit('.').next().unwrap_or(&method).to_owned();
    let who = payload.authentication_info;
    Some(Some(Event {
        time,
        operation,
        keys: payload
            .resource_name
            .iter()
            .map(|name| key_name(name))
            .collect(),
        // Google's clients are not told an id that its log has.
        request_id: None,
        id: entry.insert_id.unwrap_or_default(),
        by: who.and_then(|who| who.principal_email).unwrap_or_default(),
        failed: payload.status.is_some_and(|status| status.code != 0),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    /// As in the AWS documentation of Decrypt, shortened.
    const DECRYPT: &str = r#"{"eventVersion":"1.05","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/Alice"},
        "eventTime":"2020-07-27T22:58:24Z","eventSource":"kms.amazonaws.com","eventName":"Decrypt",
        "requestParameters":{"encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"vault":"x"}},
        "responseElements":null,"requestID":"12345126-30d5-4b28-98b9-9153da559963",
        "eventID":"abcde202-ba1a-467c-b4ba-f729d45ae521","readOnly":true,
        "resources":[{"accountId":"111122223333","type":"AWS::KMS::Key",
        "ARN":"arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}]}"#;

    fn aws(text: &str) -> Result<Vec<Event>, CliError> {
        Cloud::Aws.read(text.as_bytes(), Path::new("trail.json"))
    }

    #[test]
    fn events_of_cloudtrail_are_read_from_both_of_its_forms() {
        let file = format!(r#"{{"Records":[{DECRYPT}]}}"#);
        let found = serde_json::json!({"Events": [{"EventId": "x", "CloudTrailEvent": DECRYPT}], "NextToken": "y"});
        for text in [file, found.to_string()] {
            let events = aws(&text).unwrap();
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].operation, "Decrypt");
            assert_eq!(events[0].keys, [KEY]);
            assert_eq!(events[0].by, "arn:aws:iam::111122223333:user/Alice");
            assert_eq!(events[0].time.as_micros(), 1_595_890_704_000_000);
            assert!(!events[0].failed);
        }
    }

    #[test]
    fn events_of_other_services_are_left_out() {
        let text = DECRYPT.replace("kms.amazonaws", "s3.amazonaws");
        assert_eq!(aws(&format!(r#"{{"Records":[{text}]}}"#)).unwrap(), []);
    }

    #[test]
    fn what_is_no_log_is_refused() {
        let timeless = r#"{"Records":[{"eventSource":"kms.amazonaws.com"}]}"#;
        for text in ["", "[]", "{}", timeless, r#"{"Records":3}"#] {
            aws(text).unwrap_err();
        }
        let gcp = |text: &str| Cloud::Gcp.read(text.as_bytes(), Path::new("gcp.json"));
        for text in ["{", "[1]", r#"{"timestamp":"yesterday"}"#] {
            gcp(text).unwrap_err();
        }
    }

    #[test]
    fn events_of_google_are_read_from_an_array_and_from_lines() {
        let entry = r#"{"insertId":"1g2h3","logName":"projects/p/logs/cloudaudit.googleapis.com%2Fdata_access",
            "timestamp":"2026-01-31T12:00:00.5Z","protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName":"cloudkms.googleapis.com","methodName":"AsymmetricSign","status":{},
            "authenticationInfo":{"principalEmail":"node@p.iam.gserviceaccount.com"},
            "resourceName":"projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/2"}}"#;
        for text in [format!("[{entry},{entry}]"), format!("{entry}\n{entry}\n")] {
            let events = Cloud::Gcp
                .read(text.as_bytes(), Path::new("gcp.json"))
                .unwrap();
            assert_eq!(events.len(), 2);
            assert_eq!(events[1].operation, "AsymmetricSign");
            assert_eq!(
                events[1].keys,
                ["projects/p/locations/l/keyRings/r/cryptoKeys/k"]
            );
            assert_eq!(events[1].by, "node@p.iam.gserviceaccount.com");
        }
    }
}
