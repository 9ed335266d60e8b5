//! Our log of KMS calls, read back: requests and their outcomes, in the lines that `kms` and `kms_log` write.

use std::{collections::BTreeMap, io::BufRead, path::Path};

use strongroom_crypto::Timestamp;

use super::{
    calls::{OurCall, key_name},
    cloud::Cloud,
};
use crate::{failure::CliError, input};

/// What stands where a name is not known.
const UNKNOWN: [&str; 2] = ["N/A", "UNKNOWN"];

/// The calls of this cloud in a file of the log. Looks are left out.
///
/// # Errors
/// When the file is none of the log, or cannot be read.
pub(super) fn read(cloud: Cloud, log: impl BufRead, path: &Path) -> anyhow::Result<Vec<OurCall>> {
    let mut reader = Reader {
        cloud,
        open: BTreeMap::new(),
        calls: Vec::new(),
    };
    let mut lines_of_log = 0;
    let mut lines = 0;
    for line in log.lines() {
        lines += 1;
        if let Some(line) = Line::of(&line?) {
            lines_of_log += 1;
            reader.take(&line);
        }
    }
    if lines > 0 && lines_of_log == 0 {
        return Err(CliError::BadArgument {
            value: input::named(path),
            expected: "a file of the KMS log",
        }
        .into());
    }
    Ok(reader.finish())
}

/// A line, but for its thread and level.
struct Line<'l> {
    time: Timestamp,
    cloud: Cloud,
    kms: &'l str,
    message: &'l str,
}

impl<'l> Line<'l> {
    /// None for the line of an error, which stands below its own.
    fn of(line: &'l str) -> Option<Self> {
        let (head, message) = line.split_once(" - ")?;
        let (date, rest) = head.split_once(" [")?;
        let (_thread, rest) = rest.split_once("] ")?;
        let (cloud, kms) = match rest.split_once("AwsRequestResponseLogger:kms=") {
            Some((_, kms)) => (Cloud::Aws, kms),
            None => {
                let (_, kms) = rest.split_once("GcpRequestResponseLogger:kms=")?;
                (Cloud::Gcp, kms)
            }
        };
        let date = date.replace(',', ".").replace(' ', "T");
        let moment: jiff::Timestamp = format!("{date}Z").parse().ok()?;
        Some(Self {
            time: Timestamp::from_micros(moment.as_microsecond()),
            cloud,
            kms: kms.split(" tid:").next().unwrap_or(kms),
            message,
        })
    }
}

struct Reader {
    cloud: Cloud,
    /// Requests without an outcome so far, by our id of them.
    open: BTreeMap<String, OurCall>,
    calls: Vec<OurCall>,
}

impl Reader {
    fn take(&mut self, line: &Line<'_>) {
        if line.cloud != self.cloud {
            return;
        }
        if let Some(rest) = line.message.strip_prefix("Sending request [") {
            self.begin(line, rest);
        } else if let Some(rest) = line.message.strip_prefix("Received response [") {
            // AWS: [ID]: [Aws-Id: NUMBER] - BODY
            if let Some((id, rest)) = rest.split_once("]: [Aws-Id: ")
                && let Some((reported, body)) = rest.split_once("] - ")
            {
                self.end(line, id, known(reported), Some(body));
            }
        } else if let Some(rest) = line.message.strip_prefix("Received response ") {
            // Google: BODY. Original request [ID]
            if let Some((body, id)) = rest.rsplit_once(". Original request [") {
                self.end(line, id.trim_end_matches(']'), None, Some(body));
            }
        } else if let Some(rest) = line.message.strip_prefix("Request ") {
            let id = rest.trim_start_matches('[').split([']', ' ']).next();
            self.end(line, id.unwrap_or_default(), None, None);
        }
    }

    fn begin(&mut self, line: &Line<'_>, rest: &str) {
        let Some((id, body)) = rest.split_once("]: ") else {
            return;
        };
        let request = body.split('(').next().unwrap_or_default();
        let operations = self.cloud.operations(request);
        if operations.is_empty() {
            return;
        }
        let call = OurCall {
            begun: line.time,
            ended: line.time,
            operations,
            keys: keys(body),
            kms: line.kms.to_owned(),
            request_id: None,
            answered: false,
        };
        // An id that comes twice, as `no-id` does, belongs to two requests.
        if let Some(before) = self.open.insert(id.to_owned(), call) {
            self.calls.push(before);
        }
    }

    fn end(&mut self, line: &Line<'_>, id: &str, request_id: Option<&str>, body: Option<&str>) {
        let Some(mut call) = self.open.remove(id) else {
            return;
        };
        call.ended = line.time;
        call.answered = body.is_some();
        call.request_id = request_id.map(str::to_owned);
        for key in body.map(keys).unwrap_or_default() {
            if !call.keys.contains(&key) {
                call.keys.push(key);
            }
        }
        self.calls.push(call);
    }

    fn finish(mut self) -> Vec<OurCall> {
        self.calls.extend(self.open.into_values());
        self.calls
    }
}

fn known(name: &str) -> Option<&str> {
    (!UNKNOWN.contains(&name)).then_some(name)
}

/// The keys that a message names.
fn keys(body: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for (at, label) in body.match_indices("KeyId=") {
        let value = body.get(at + label.len()..).unwrap_or_default();
        let end = value.find([',', ')']).unwrap_or(value.len());
        if let Some(key) = value.get(..end).and_then(known) {
            keys.push(key_name(key));
        }
    }
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: &str = "2026-01-31 12:00:00,250 [main] INFO  c.d.c.c.k.a.a.AwsRequestResponseLogger:kms=cloud tid:40d47592f1bd50f37e6804fbdff404dd";
    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd";

    fn calls(text: &str) -> Vec<OurCall> {
        read(Cloud::Aws, text.as_bytes(), Path::new("kms.log")).unwrap()
    }

    fn decrypt(id: &str) -> String {
        format!(
            "{AWS} - Sending request [{id}]: DecryptRequest(CiphertextBlob=**, KeyId={KEY}, EncryptionAlgorithm=X) to https://kms.example/\n"
        )
    }

    #[test]
    fn a_request_and_its_answer_are_one_call() {
        let answer = format!(
            "{AWS} - Received response [0a]: [Aws-Id: 7-7] - DecryptResponse(Plaintext=**, KeyId={KEY}, EncryptionAlgorithm=X)\n"
        );
        let calls = calls(&(decrypt("0a") + &answer));
        assert_eq!(calls.len(), 1);
        let call = &calls[0];
        assert_eq!(call.operations, ["Decrypt"]);
        assert_eq!(call.keys, ["1234abcd"]);
        assert_eq!(call.request_id.as_deref(), Some("7-7"));
        assert_eq!(call.kms, "cloud");
        assert_eq!(call.begun.as_micros(), 1_769_860_800_250_000);
        assert!(call.answered);
    }

    #[test]
    fn a_request_that_failed_or_has_no_outcome_is_a_call_that_was_not_answered() {
        let failed = format!("{AWS} - Request [0a] failed.\nKMS_THROTTLED: too much\n");
        let calls = calls(&(decrypt("0a") + &failed + &decrypt("0b")));
        assert_eq!(calls.len(), 2);
        assert!(
            calls
                .iter()
                .all(|call| !call.answered && call.request_id.is_none())
        );
    }

    #[test]
    fn looks_are_left_out() {
        let look = format!(
            "{AWS} - Sending request [0a]: RetrieveMetadataRequest(KeyId={KEY}) to https://kms.example/\n"
        );
        assert_eq!(calls(&look), []);
    }

    #[test]
    fn lines_of_google_are_read_too() {
        let head =
            "2026-01-31 12:00:00,250 [main] INFO  c.d.c.c.k.g.a.GcpRequestResponseLogger:kms=g";
        let key = "projects/p/locations/l/keyRings/r/cryptoKeys/k";
        let text = format!(
            "{head} - Sending request [u-1]: SignRequest(KeyId={key}/cryptoKeyVersions/1, Message=**, MessageType=RAW).\n\
             {head} - Received response SignResponse(KeyId={key}/cryptoKeyVersions/1, Signature=**). Original request [u-1]\n"
        );
        let calls = read(Cloud::Gcp, text.as_bytes(), Path::new("kms.log")).unwrap();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].operations, ["AsymmetricSign"]);
        assert_eq!(calls[0].keys, [key]);
        assert!(calls[0].answered);
    }

    #[test]
    fn another_file_is_refused_and_an_empty_one_is_not() {
        let read = |text: &str| read(Cloud::Aws, text.as_bytes(), Path::new("x"));
        read("hello\n").unwrap_err();
        assert_eq!(read("").unwrap(), []);
    }
}
