//! Resource names: `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V`.

use super::error::GcpError;

const COLLECTIONS: [&str; 5] = [
    "projects",
    "locations",
    "keyRings",
    "cryptoKeys",
    "cryptoKeyVersions",
];

/// Beside the crypto keys of a key ring.
const IMPORT_JOBS: &str = "importJobs";

/// What a name names, in the order of the length of the name.
const KINDS: [Kind; 9] = [
    Kind::Locations,
    Kind::Location,
    Kind::KeyRings,
    Kind::KeyRing,
    Kind::CryptoKeys,
    Kind::CryptoKey,
    Kind::Versions,
    Kind::Version,
    Kind::PublicKey,
];

/// Parts of the shortest of these names.
const FEWEST_PARTS: usize = 3;

/// The longest project id that Google gives.
const MAX_PROJECT: usize = 30;

/// The longest id of a key ring or crypto key.
const MAX_ID: usize = 63;

/// What a name names: an item, or the collection in which items are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Locations,
    Location,
    KeyRings,
    KeyRing,
    CryptoKeys,
    CryptoKey,
    ImportJobs,
    ImportJob,
    Versions,
    Version,
    PublicKey,
}

/// The name of a resource, whether or not there is one.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) kind: Kind,
    parts: Vec<String>,
}

impl Name {
    /// Reads a name; none if there are no resources with such names.
    pub(super) fn read(text: &str) -> Option<Self> {
        let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        let kind = *KINDS.get(parts.len().checked_sub(FEWEST_PARTS)?)?;
        let is_job = parts.get(6).is_some_and(|part| part == IMPORT_JOBS);
        let kind = match kind {
            Kind::CryptoKeys if is_job => Kind::ImportJobs,
            Kind::CryptoKey if is_job => Kind::ImportJob,
            kind => kind,
        };
        let mut pairs = parts
            .chunks(2)
            .zip(COLLECTIONS.iter().chain(&["publicKey"]));
        let fits = pairs.all(|(pair, collection)| match pair {
            [found] => is_named(found, collection, kind),
            [found, id] => is_named(found, collection, kind) && is_id(id, MAX_ID),
            _ => false,
        });
        let project_fits = parts.get(1).is_some_and(|id| id.len() <= MAX_PROJECT);
        (fits && project_fits).then_some(Self { kind, parts })
    }

    /// The name of the item, or of the one that the collection belongs to.
    pub(super) fn item(&self) -> String {
        self.up_to(self.parts.len() & !1)
    }

    pub(super) fn location(&self) -> &str {
        self.part(3)
    }

    /// The name of the project.
    pub(super) fn project(&self) -> String {
        self.up_to(2)
    }

    /// The name of the crypto key, also of a version's.
    pub(super) fn crypto_key(&self) -> String {
        self.up_to(8)
    }

    /// The id of the crypto key, if there is one in the name.
    pub(super) fn crypto_key_id(&self) -> Option<&str> {
        let is_key = self.part(6) == "cryptoKeys";
        self.parts.get(7).map(String::as_str).filter(|_| is_key)
    }

    /// The number of the version; `None` also if the id is no number.
    pub(super) fn version(&self) -> Option<u32> {
        self.parts.get(9)?.parse().ok()
    }

    fn part(&self, index: usize) -> &str {
        self.parts.get(index).map_or("", String::as_str)
    }

    fn up_to(&self, count: usize) -> String {
        let parts: Vec<&str> = self.parts.iter().take(count).map(String::as_str).collect();
        parts.join("/")
    }
}

/// An id that a caller wishes for.
pub(super) fn wished_id<'a>(id: Option<&'a str>, field: &str) -> Result<&'a str, GcpError> {
    let id = id.unwrap_or_default();
    if is_id(id, MAX_ID) {
        return Ok(id);
    }
    Err(GcpError::invalid(format!(
        "The {field} \"{id}\" must match the pattern [a-zA-Z0-9_-]{{1,63}}."
    )))
}

fn is_named(found: &str, collection: &str, kind: Kind) -> bool {
    match kind {
        Kind::ImportJobs | Kind::ImportJob if collection == "cryptoKeys" => found == IMPORT_JOBS,
        _ => found == collection,
    }
}

fn is_id(id: &str, most: usize) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-';
    (1..=most).contains(&id.len()) && id.bytes().all(allowed)
}

pub(super) fn version_name(crypto_key: &str, number: u32) -> String {
    format!("{crypto_key}/cryptoKeyVersions/{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_it_names() {
        let key = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
        for (text, kind) in [
            ("projects/p/locations", Kind::Locations),
            ("projects/p/locations/global", Kind::Location),
            (key, Kind::CryptoKey),
            (
                "projects/p/locations/l/keyRings/r/importJobs",
                Kind::ImportJobs,
            ),
            (
                "projects/p/locations/l/keyRings/r/importJobs/j",
                Kind::ImportJob,
            ),
            (&format!("{key}/cryptoKeyVersions"), Kind::Versions),
            (&format!("{key}/cryptoKeyVersions/7"), Kind::Version),
            (
                &format!("{key}/cryptoKeyVersions/7/publicKey"),
                Kind::PublicKey,
            ),
        ] {
            assert_eq!(Name::read(text).unwrap().kind, kind, "{text}");
        }
        let name = Name::read(&format!("{key}/cryptoKeyVersions/7/publicKey")).unwrap();
        assert_eq!(name.item(), format!("{key}/cryptoKeyVersions/7"));
        assert_eq!(
            (name.crypto_key(), name.version()),
            (key.to_owned(), Some(7))
        );
    }

    #[test]
    fn other_names_are_none() {
        for text in [
            "",
            "projects",
            "projects/p",
            "projects//locations",
            "folders/p/locations",
            "projects/p/locations/l/keyRings/r%",
            "projects/p/locations/l/keyRings/r/importJobs/j/cryptoKeyVersions",
        ] {
            assert!(Name::read(text).is_none(), "{text}");
        }
    }
}
