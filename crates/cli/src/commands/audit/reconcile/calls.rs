//! What both logs are brought to.

use strongroom_crypto::Timestamp;

/// A call that our log has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OurCall {
    pub(super) begun: Timestamp,
    pub(super) ended: Timestamp,
    /// The operations of the cloud that it may be; several for a call of several steps.
    pub(super) operations: &'static [&'static str],
    /// The keys, each by one name.
    pub(super) keys: Vec<String>,
    /// The configured name of the KMS.
    pub(super) kms: String,
    /// The id that the cloud gave the request.
    pub(super) request_id: Option<String>,
    /// It was answered. One that was not may have come there or not.
    pub(super) answered: bool,
}

/// An event that the cloud's log has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) time: Timestamp,
    /// As the cloud calls it.
    pub(super) operation: String,
    /// Every name that it gives the keys.
    pub(super) keys: Vec<String>,
    pub(super) request_id: Option<String>,
    /// The cloud's id of the event.
    pub(super) id: String,
    /// Who did it.
    pub(super) by: String,
    /// It was refused or failed.
    pub(super) failed: bool,
}

impl Event {
    /// Whether it only looked: it neither used a key nor changed one.
    pub(super) fn only_looks(&self) -> bool {
        ["Describe", "Get", "List"]
            .iter()
            .any(|verb| self.operation.starts_with(verb))
    }
}

/// One name for a key: of an ARN its last part, of a version of a key the key.
pub(super) fn key_name(name: &str) -> String {
    let name = match name.strip_prefix("arn:") {
        Some(_) => name.rsplit(':').next().unwrap_or(name),
        None => name,
    };
    let name = name.strip_prefix("key/").unwrap_or(name);
    let name = name.split("/cryptoKeyVersions/").next().unwrap_or(name);
    name.strip_prefix("//cloudkms.googleapis.com/")
        .unwrap_or(name)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_name_however_it_is_called() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = format!("arn:aws:kms:eu-central-1:111122223333:key/{id}");
        assert_eq!(key_name(&arn), id);
        assert_eq!(key_name(id), id);
        let alias = "arn:aws:kms:eu-central-1:111122223333:alias/node";
        assert_eq!(key_name(alias), "alias/node");
        let key = "projects/p/locations/l/keyRings/r/cryptoKeys/k";
        assert_eq!(key_name(&format!("{key}/cryptoKeyVersions/3")), key);
        assert_eq!(key_name(&format!("//cloudkms.googleapis.com/{key}")), key);
    }
}
