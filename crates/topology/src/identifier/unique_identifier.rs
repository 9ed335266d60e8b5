use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};

use strongroom_crypto::Fingerprint;

use super::{DELIMITER, IdentifierError, Namespace, excerpt, is_plain};

/// The most characters of the identifier part.
const IDENTIFIER_LIMIT: usize = 185;
// The whole has 255 characters at most: no part needs to look at the other.
const _: () = assert!(IDENTIFIER_LIMIT + DELIMITER.len() + Fingerprint::TEXT_LENGTH == 255);

/// The name of a node, a party or a synchronizer: `identifier::namespace`.
///
/// Orders by identifier, then by namespace. Clones share the text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UniqueIdentifier {
    /// All of it: it is compared and hashed much more often than it is made.
    text: Arc<str>,
    namespace: Namespace,
}

impl UniqueIdentifier {
    /// `identifier` in `namespace`.
    ///
    /// # Errors
    /// [`IdentifierError`] for an identifier that is empty, longer than 185 characters, has others than `A-Z a-z 0-9 : - _`
    /// and space, has `::`, or ends with `:`.
    pub fn try_new(identifier: &str, namespace: Namespace) -> Result<Self, IdentifierError> {
        check_identifier(identifier, identifier)?;
        // `a:` in `ns` is written `a:::ns`, and that reads as `a` in `:ns`.
        if identifier.ends_with(':') {
            return Err(IdentifierError::Delimiter);
        }
        Ok(Self {
            text: format!("{identifier}{DELIMITER}{namespace}").into(),
            namespace,
        })
    }

    /// The whole: `identifier::namespace`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part in front of the namespace.
    #[must_use]
    pub fn identifier(&self) -> &str {
        let parts = self.text.split_once(DELIMITER);
        parts.map_or(&self.text, |(identifier, _)| identifier)
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}

fn check_identifier(identifier: &str, whole: &str) -> Result<(), IdentifierError> {
    let refused = |reason: String| IdentifierError::Identifier {
        text: excerpt(whole),
        reason,
    };
    if identifier.is_empty() {
        return Err(IdentifierError::EmptyIdentifier {
            text: excerpt(whole),
        });
    }
    let length = identifier.chars().count();
    if length > IDENTIFIER_LIMIT {
        return Err(refused(format!(
            "it has {length} characters, at most {IDENTIFIER_LIMIT} are allowed"
        )));
    }
    if !is_plain(identifier) {
        return Err(refused(
            "only A-Z, a-z, 0-9, ':', '-', '_' and space are allowed".to_owned(),
        ));
    }
    if identifier.contains(DELIMITER) {
        return Err(IdentifierError::Delimiter);
    }
    Ok(())
}

impl FromStr for UniqueIdentifier {
    type Err = IdentifierError;

    /// Splits at the first `::`.
    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        if text.is_empty() {
            return Err(IdentifierError::Empty);
        }
        let (identifier, namespace) =
            text.split_once(DELIMITER)
                .ok_or_else(|| IdentifierError::MissingNamespace {
                    text: excerpt(text),
                })?;
        check_identifier(identifier, text)?;
        Ok(Self {
            text: text.into(),
            namespace: namespace.parse()?,
        })
    }
}

impl Ord for UniqueIdentifier {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.text == other.text {
            return Ordering::Equal;
        }
        (self.identifier(), &self.namespace).cmp(&(other.identifier(), &other.namespace))
    }
}

impl PartialOrd for UniqueIdentifier {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for UniqueIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for UniqueIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UniqueIdentifier({self})")
    }
}
