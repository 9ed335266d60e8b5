use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};

use strongroom_crypto::Fingerprint;

use super::{DELIMITER, IdentifierError, excerpt, is_plain};

/// The most characters of a namespace.
const LIMIT: usize = Fingerprint::TEXT_LENGTH;

/// What a namespace is called: the fingerprint of its root key or, of a decentralized one, a hash.
///
/// Real ones are fingerprints and take 32 bytes. As in Canton, any other text of up to 68 plain characters is read too,
/// and no key can ever sign for it. Orders as its text does.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Namespace(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    Fingerprint(Fingerprint),
    /// Never the text of a fingerprint.
    Text(Arc<str>),
}

impl Namespace {
    /// The fingerprint that it is; none for other texts.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match &self.0 {
            Form::Fingerprint(fingerprint) => Some(*fingerprint),
            Form::Text(_) => None,
        }
    }

    /// Whether `key` is the root key of this namespace.
    #[must_use]
    pub fn is_root(&self, key: &Fingerprint) -> bool {
        self.fingerprint().as_ref() == Some(key)
    }
}

impl From<Fingerprint> for Namespace {
    fn from(fingerprint: Fingerprint) -> Self {
        Self(Form::Fingerprint(fingerprint))
    }
}

impl FromStr for Namespace {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        if let Ok(fingerprint) = text.parse() {
            return Ok(Self(Form::Fingerprint(fingerprint)));
        }
        let refused = |reason: String| IdentifierError::Fingerprint {
            text: excerpt(text),
            reason,
        };
        if text.is_empty() {
            return Err(refused("it is empty".to_owned()));
        }
        let length = text.chars().count();
        if length > LIMIT {
            return Err(refused(format!(
                "it has {length} characters, at most {LIMIT} are allowed"
            )));
        }
        if !is_plain(text) {
            return Err(refused(
                "only A-Z, a-z, 0-9, ':', '-', '_' and space are allowed".to_owned(),
            ));
        }
        if text.contains(DELIMITER) {
            return Err(IdentifierError::Delimiter);
        }
        Ok(Self(Form::Text(text.into())))
    }
}

impl Ord for Namespace {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Form::Fingerprint(one), Form::Fingerprint(other)) => one.cmp(other),
            (Form::Text(one), Form::Text(other)) => one.cmp(other),
            _ => self.to_string().cmp(&other.to_string()),
        }
    }
}

impl PartialOrd for Namespace {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Fingerprint(fingerprint) => fingerprint.fmt(f),
            Form::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({self})")
    }
}
