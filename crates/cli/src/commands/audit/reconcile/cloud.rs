//! The logs of the clouds.
//!
//! AWS: CloudTrail record contents, version 1.08 and later. Google: `LogEntry` with an `AuditLog` as its payload.

use std::{
    collections::BTreeSet,
    fmt,
    io::{self, BufRead, ErrorKind},
    path::Path,
};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor,
        value::MapAccessDeserializer,
    },
};
use serde_json::{Map, Value};
use strongroom_crypto::Timestamp;

use super::calls::{Event, key_name};
use crate::{containers, failure::CliError, input};

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

    /// The events of a file that are about keys; it may be packed by gzip. What is about anything else is not kept.
    pub(super) fn read(self, log: Box<dyn BufRead>, path: &Path) -> anyhow::Result<Vec<Event>> {
        let read = containers::decompressed(log).and_then(|log| match self {
            Self::Aws => read_documents::<TrailDocument>(log)?
                .ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof)),
            // `gcloud` prints nothing, or an empty array, where there is nothing.
            Self::Gcp => Ok(read_documents::<EntryDocument>(log)?.unwrap_or_default()),
        });
        let expected = match self {
            Self::Aws => "a log of AWS CloudTrail",
            Self::Gcp => "a log of Google's Cloud Audit Logs",
        };
        read.map_err(|error| match error.kind() {
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
                let value = input::named(path);
                CliError::BadArgument { value, expected }.into()
            }
            _ => input::unreadable(path, error).into(),
        })
    }
}

/// One document after the other; none if there is none.
fn read_documents<D>(log: Box<dyn BufRead>) -> io::Result<Option<Vec<Event>>>
where
    D: DeserializeOwned + Into<Vec<Event>>,
{
    let mut events = None::<Vec<Event>>;
    for document in serde_json::Deserializer::from_reader(log).into_iter::<D>() {
        let of_document: Vec<Event> = document?.into();
        events.get_or_insert_default().extend(of_document);
    }
    Ok(events)
}

/// What an item of a log is: an event about keys, or about something else.
type Read<T> = fn(T) -> Result<Option<Event>, &'static str>;

const NO_EVENT: &str = "it is no event";

/// An array of which each item is looked at by itself, and forgotten if it is about something else.
struct Each<T>(Read<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Each<T> {
    type Value = Vec<Event>;

    fn deserialize<D: Deserializer<'de>>(self, items: D) -> Result<Self::Value, D::Error> {
        items.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<T> {
    type Value = Vec<Event>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        while let Some(item) = items.next_element()? {
            events.extend((self.0)(item).map_err(de::Error::custom)?);
        }
        Ok(events)
    }
}

/// A file that CloudTrail wrote, what `aws cloudtrail lookup-events` printed, or one record, as lines have them.
struct TrailDocument(Vec<Event>);

impl From<TrailDocument> for Vec<Event> {
    fn from(document: TrailDocument) -> Self {
        document.0
    }
}

impl<'de> Deserialize<'de> for TrailDocument {
    fn deserialize<D: Deserializer<'de>>(document: D) -> Result<Self, D::Error> {
        document.deserialize_map(TrailFields)
    }
}

struct TrailFields;

impl<'de> Visitor<'de> for TrailFields {
    type Value = TrailDocument;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Records, Events or one record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let (mut events, mut others) = (None::<Vec<Event>>, Map::new());
        while let Some(name) = fields.next_key::<String>()? {
            let found = match name.as_str() {
                "Records" => fields.next_value_seed(Each(of_record))?,
                "Events" => fields.next_value_seed(Each(of_found))?,
                // Both kinds have other fields beside.
                _ => {
                    others.insert(name, fields.next_value()?);
                    continue;
                }
            };
            // A field that comes again hides nothing.
            events.get_or_insert_default().extend(found);
        }
        let events = match events {
            Some(events) => events,
            None => {
                let event = of_record(others.into()).map_err(de::Error::custom)?;
                event.into_iter().collect()
            }
        };
        Ok(TrailDocument(events))
    }
}

fn of_found(found: FoundEvent) -> Result<Option<Event>, &'static str> {
    let record = serde_json::from_str(&found.cloud_trail_event);
    of_record(record.map_err(|_no_json| NO_EVENT)?)
}

fn of_record(record: Value) -> Result<Option<Event>, &'static str> {
    let source = record.get("eventSource").and_then(Value::as_str);
    // Those of other services have parameters of other shapes.
    if source.ok_or(NO_EVENT)? != "kms.amazonaws.com" {
        return Ok(None);
    }
    let event = serde_json::from_value(record)
        .ok()
        .and_then(Event::of_trail);
    event.map(Some).ok_or(NO_EVENT)
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

/// An array of entries, or one.
struct EntryDocument(Vec<Event>);

impl From<EntryDocument> for Vec<Event> {
    fn from(document: EntryDocument) -> Self {
        document.0
    }
}

impl<'de> Deserialize<'de> for EntryDocument {
    fn deserialize<D: Deserializer<'de>>(document: D) -> Result<Self, D::Error> {
        document.deserialize_any(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = EntryDocument;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("entries or one entry")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        Each(of_entry).visit_seq(entries).map(EntryDocument)
    }

    fn visit_map<A: MapAccess<'de>>(self, entry: A) -> Result<Self::Value, A::Error> {
        let entry = LogEntry::deserialize(MapAccessDeserializer::new(entry))?;
        let event = of_entry(entry).map_err(de::Error::custom)?;
        Ok(EntryDocument(event.into_iter().collect()))
    }
}

fn of_entry(entry: LogEntry) -> Result<Option<Event>, &'static str> {
    let time = moment(&entry.timestamp).ok_or(NO_EVENT)?;
    let of_kms =
        |payload: &AuditLog| payload.service_name.as_deref() == Some("cloudkms.googleapis.com");
    let Some(payload) = entry.proto_payload.filter(of_kms) else {
        return Ok(None);
    };
    let method = payload.method_name;
    let operation = method.rsplit('.').next().unwrap_or(&method).to_owned();
    let who = payload.authentication_info;
    Ok(Some(Event {
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

    fn read(cloud: Cloud, log: impl Into<Vec<u8>>) -> anyhow::Result<Vec<Event>> {
        cloud.read(Box::new(io::Cursor::new(log.into())), Path::new("log"))
    }

    fn aws(text: &str) -> anyhow::Result<Vec<Event>> {
        read(Cloud::Aws, text)
    }

    #[test]
    fn a_log_is_read_as_cloudtrail_delivers_it_and_as_lines() {
        let line = DECRYPT.replace('\n', " ");
        let file = format!(r#"{{"Records":[{line},{line}]}}"#);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        io::Write::write_all(&mut packed, file.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        for log in [
            file.clone().into_bytes(),
            packed.clone(),
            format!("{line}\n{line}\n").into_bytes(),
        ] {
            assert_eq!(read(Cloud::Aws, log).unwrap().len(), 2);
        }
        // One that broke off, and one that was changed.
        read(Cloud::Aws, &packed[..packed.len() - 9]).unwrap_err();
        let mut changed = packed;
        *changed.last_mut().unwrap() ^= 1;
        read(Cloud::Aws, changed).unwrap_err();
    }

    #[test]
    fn a_log_may_be_longer_than_other_inputs() {
        let long = vec![b' '; input::LIMIT + 1];
        let log = io::Read::chain(io::Cursor::new(long), DECRYPT.as_bytes());
        let log = Box::new(io::BufReader::new(log));
        let events = Cloud::Aws.read(log, Path::new("log")).unwrap();
        assert_eq!(events.len(), 1);
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
        let gcp = |text: &str| read(Cloud::Gcp, text);
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
            let events = read(Cloud::Gcp, text).unwrap();
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
