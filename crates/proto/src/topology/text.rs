//! Texts in messages that name something on the ledger.

use std::str::FromStr;

use strongroom_topology::{IdentifierError, Member, UniqueIdentifier};

use crate::ProtoError;

/// Where a text stands, for errors.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) message: &'static str,
    pub(super) field: &'static str,
}

pub(super) const fn field(message: &'static str, field: &'static str) -> Field {
    Field { message, field }
}

impl Field {
    /// Reads a name.
    pub(super) fn parse<T: FromStr<Err = IdentifierError>>(
        self,
        text: &str,
    ) -> Result<T, ProtoError> {
        text.parse()
            .map_err(|source| ProtoError::InvalidIdentifier {
                message: self.message,
                field: self.field,
                source,
            })
    }

    /// Reads a participant's name; the member's code may stand in front of it.
    pub(super) fn participant(self, text: &str) -> Result<UniqueIdentifier, ProtoError> {
        match text.strip_prefix("PAR::") {
            // `PAR` is an identifier as well: only with a whole name behind it, it is the code.
            Some(rest) if rest.contains("::") => self.parse::<Member>(text).map(|it| it.uid),
            _ => self.parse(text),
        }
    }

    /// Reads many names.
    pub(super) fn parse_all(self, texts: &[String]) -> Result<Vec<UniqueIdentifier>, ProtoError> {
        texts.iter().map(|text| self.parse(text)).collect()
    }

    pub(super) const fn not_set(self) -> ProtoError {
        ProtoError::FieldNotSet {
            message: self.message,
            field: self.field,
        }
    }

    pub(super) const fn unknown(self, value: i32) -> ProtoError {
        ProtoError::UnrecognizedEnum {
            message: self.message,
            field: self.field,
            value,
        }
    }
}
