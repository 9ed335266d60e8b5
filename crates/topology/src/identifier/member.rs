use std::{fmt, str::FromStr};

use super::{DELIMITER, IdentifierError, UniqueIdentifier, excerpt};

/// What kind of node a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberCode {
    /// `PAR`: hosts parties.
    Participant,
    /// `SEQ`: orders messages.
    Sequencer,
    /// `MED`: collects confirmations.
    Mediator,
}

impl MemberCode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Participant, Self::Sequencer, Self::Mediator];

    /// The three letters in front of a member's name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Participant => "PAR",
            Self::Sequencer => "SEQ",
            Self::Mediator => "MED",
        }
    }

    /// What people call it: `participant`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Participant => "participant",
            Self::Sequencer => "sequencer",
            Self::Mediator => "mediator",
        }
    }
}

impl FromStr for MemberCode {
    type Err = IdentifierError;

    /// Takes the code and the name.
    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        Self::ALL
            .into_iter()
            .find(|code| code.code() == text || code.name() == text)
            .ok_or_else(|| IdentifierError::MemberCode {
                text: excerpt(text),
            })
    }
}

impl fmt::Display for MemberCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A node by kind and name: `PAR::identifier::namespace`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// What kind of node it is.
    pub code: MemberCode,
    /// Its name.
    pub uid: UniqueIdentifier,
}

impl FromStr for Member {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let (code, uid) = text
            .split_once(DELIMITER)
            .filter(|(code, _)| code.len() == 3)
            .ok_or_else(|| IdentifierError::Member {
                text: excerpt(text),
            })?;
        let code = MemberCode::ALL
            .into_iter()
            .find(|known| known.code() == code)
            .ok_or_else(|| IdentifierError::Member {
                text: excerpt(text),
            })?;
        Ok(Self {
            code,
            uid: uid.parse()?,
        })
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{DELIMITER}{}", self.code.code(), self.uid)
    }
}
