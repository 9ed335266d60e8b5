//! What AWS writes down of calls: CloudTrail.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde_json::{Value, json};
use strongroom_crypto::Timestamp;

/// Calls that are remembered: the newest.
const MOST: usize = 10_000;

/// A call of AWS that came to its end, its answer sent or lost.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) time: Timestamp,
    /// As AWS calls it.
    pub(crate) operation: &'static str,
    /// The key, by its full name.
    pub(crate) key: Option<String>,
    /// The id that the caller was told; none if the answer was lost.
    pub(crate) request_id: Option<String>,
    pub(crate) failed: bool,
}

/// The newest calls, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    entries: Mutex<VecDeque<Entry>>,
}

impl Trail {
    pub(crate) fn add(&self, entry: Entry) {
        let mut entries = self.entries.lock();
        if entries.len() == MOST {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    /// As a file of CloudTrail.
    pub(crate) fn file(&self) -> Value {
        let entries = self.entries.lock();
        let all = entries.iter().zip(0_u32..);
        let records: Vec<_> = all.map(|(entry, at)| record(entry, at)).collect();
        json!({ "Records": records })
    }
}

/// The whole second, as in CloudTrail.
fn second(time: Timestamp) -> String {
    let moment = jiff::Timestamp::from_second(time.as_micros().div_euclid(1_000_000));
    moment.map_or_else(|_beyond| String::new(), |moment| moment.to_string())
}

fn record(entry: &Entry, at: u32) -> Value {
    let key = entry.key.as_ref();
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/node/simulated"},
        "eventTime": second(entry.time),
        "eventSource": "kms.amazonaws.com",
        "eventName": entry.operation,
        "errorCode": entry.failed.then_some("KMSInternalException"),
        "requestID": entry.request_id,
        "eventID": format!("event-{at}"),
        "resources": key.map(|key| json!([{"type": "AWS::KMS::Key", "ARN": key}])),
    })
}
