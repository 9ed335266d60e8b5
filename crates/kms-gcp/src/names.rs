//! Resource names: `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N`.
//!
//! Names become parts of an address, so they are read strictly: nothing that a stored row says reaches another address.

use strongroom_kms::{KmsError, KmsKeyId};

use crate::error::GcpKmsError;

const KEYS: &str = "cryptoKeys";
const VERSIONS: &str = "cryptoKeyVersions";

/// The longest id of a location, a key ring or a key.
const MAX_ID: usize = 63;

/// A key by its full name, and the version if one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    crypto_key: String,
    version: Option<String>,
}

impl Name {
    /// Reads a name as an operator or the database gives it; what is no full name is one in `ring`.
    pub(crate) fn read(ring: &str, id: &KmsKeyId) -> Result<Self, KmsError> {
        let text = id.as_str();
        Self::of(ring, text).ok_or_else(|| {
            let name = text.to_owned();
            GcpKmsError::NameInvalid { what: "key", name }.into()
        })
    }

    fn of(ring: &str, text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (ring, parts) = match parts.as_slice() {
            [
                "projects",
                project,
                "locations",
                location,
                "keyRings",
                id,
                KEYS,
                rest @ ..,
            ] => (ring_name(project, location, id)?, rest),
            rest => (ring.to_owned(), rest),
        };
        let (key, version) = match *parts {
            [key] => (key, None),
            [key, VERSIONS, version] if is_number(version) => (key, Some(version)),
            _ => return None,
        };
        let crypto_key = is_id(key).then(|| format!("{ring}/{KEYS}/{key}"))?;
        let version = version.map(|version| format!("{crypto_key}/{VERSIONS}/{version}"));
        Some(Self {
            crypto_key,
            version,
        })
    }

    /// The name of the key, without a version.
    pub(crate) fn crypto_key(&self) -> &str {
        &self.crypto_key
    }

    /// The name of the version, if one is named.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The name, as precise as it was given.
    pub(crate) fn full(&self) -> &str {
        self.version().unwrap_or(&self.crypto_key)
    }
}

/// The name of a key ring; none if there are no such names.
pub(crate) fn ring_name(project: &str, location: &str, ring: &str) -> Option<String> {
    // Old projects belong to a domain: `example.com:ledger`.
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"-.:".contains(&c);
    let project_fits = (1..=100).contains(&project.len())
        && project.bytes().all(allowed)
        && project.bytes().any(|c| c.is_ascii_alphanumeric());
    (project_fits && is_id(location) && is_id(ring))
        .then(|| format!("projects/{project}/locations/{location}/keyRings/{ring}"))
}

/// The number of a version, of its name.
pub(crate) fn number(version: &str) -> Option<u64> {
    version.rsplit('/').next()?.parse().ok()
}

fn is_id(id: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(allowed)
}

fn is_number(text: &str) -> bool {
    (1..=18).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: &str = "projects/p/locations/global/keyRings/r";

    fn read(text: &str) -> Option<Name> {
        Name::read(RING, &text.parse().unwrap()).ok()
    }

    #[test]
    fn a_name_is_of_any_ring_if_it_is_full_and_else_of_ours() {
        let other = "projects/example.com:q/locations/eu/keyRings/s/cryptoKeys/k";
        assert_eq!(read(other).unwrap().full(), other);
        let ours = read("k_1").unwrap();
        assert_eq!(ours.full(), format!("{RING}/cryptoKeys/k_1"));
        assert_eq!(ours.version(), None);
        let version = read("k/cryptoKeyVersions/12").unwrap();
        assert_eq!(version.crypto_key(), format!("{RING}/cryptoKeys/k"));
        let full = format!("{RING}/cryptoKeys/k/cryptoKeyVersions/12");
        assert_eq!(version.version(), Some(full.as_str()));
        assert_eq!(read(&full), Some(version));
        assert_eq!(number(&full), Some(12));
    }

    #[test]
    fn what_could_lead_to_another_address_is_no_name() {
        for text in [
            "..",
            "a/b",
            "k/cryptoKeyVersions/",
            "k/cryptoKeyVersions/x",
            "k/cryptoKeyVersions/1/publicKey",
            "k/cryptoKeyVersions/1:destroy",
            "k?alt=media",
            "k%2f..",
            "projects/../locations/l/keyRings/r/cryptoKeys/k",
            "projects/p/locations/l/keyRings/../cryptoKeys/k",
            "projects/p/locations/l/keyRings/r/cryptoKeys/",
            "//cloudkms.googleapis.com/projects/p/locations/l/keyRings/r/cryptoKeys/k",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
