//! Which token, how to get into it, and how many at once.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use strongroom_memory::SecretBytes;

use crate::error::Pkcs11Error;

/// How long a state that was read from the token is believed, unless the settings say otherwise.
pub const DEFAULT_STATE_WINDOW: Duration = Duration::from_secs(5);

/// How many sessions work at once, unless the settings say otherwise. More than the token has processors buy nothing.
pub const DEFAULT_SESSIONS: usize = 4;

/// More than any token has, and few enough for threads.
const MAX_SESSIONS: usize = 1000;

/// Which token to use, and how.
#[derive(Debug)]
pub struct Settings {
    /// The PKCS#11 library of the token's vendor: `/usr/lib/softhsm/libsofthsm2.so`. It runs inside of this process and can
    /// do whatever this process can, so it must be as trustworthy as the program itself.
    pub module: PathBuf,
    /// The token.
    pub token: TokenName,
    /// The PIN of the token's user (CKU_USER). Kept, in locked memory, for logging in again after the token was lost.
    pub pin: SecretBytes,
    /// How many calls the token works on at once; others wait. 1 to 1000. One more session stays open, idle, since a
    /// login ends with the last session.
    pub sessions: usize,
    /// How long use of a key relies on a state that was read before: that is how late this process may notice that
    /// *another* process disabled a key or scheduled its deletion. What this process does itself it notices at once. Zero:
    /// the state is read at every use, which costs more than a signature.
    pub state_window: Duration,
}

impl Settings {
    /// The usual settings for a token.
    #[must_use]
    pub fn new(module: impl Into<PathBuf>, token: TokenName, pin: SecretBytes) -> Self {
        Self {
            module: module.into(),
            token,
            pin,
            sessions: DEFAULT_SESSIONS,
            state_window: DEFAULT_STATE_WINDOW,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Pkcs11Error> {
        let wrong = |what| Err(Pkcs11Error::SettingsInvalid { what });
        if !(1..=MAX_SESSIONS).contains(&self.sessions) {
            wrong("a token is used with 1 to 1000 sessions")
        } else if self.pin.is_empty() {
            wrong("the PIN is empty")
        } else if self.token.text().is_empty() {
            wrong("the label or serial number of the token is empty")
        } else {
            Ok(())
        }
    }
}

/// What a token is known by. Either must belong to exactly one token that the library shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenName {
    /// Its label, of at most 32 bytes, which whoever initialized it chose.
    Label(String),
    /// Its serial number, of at most 16 bytes, which the vendor gave it.
    Serial(String),
}

impl TokenName {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Label(text) | Self::Serial(text) => text,
        }
    }

    pub(crate) fn fits(&self, label: &str, serial: &str) -> bool {
        match self {
            Self::Label(wanted) => wanted == label,
            Self::Serial(wanted) => wanted == serial,
        }
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "the label \"{label}\""),
            Self::Serial(serial) => write!(f, "the serial number \"{serial}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pin: &[u8]) -> Settings {
        let token = TokenName::Label("vault".to_owned());
        Settings::new("/lib.so", token, SecretBytes::from_slice(pin))
    }

    #[test]
    fn settings_that_cannot_work_are_refused_before_the_token_is_asked() {
        assert!(settings(b"1234").check().is_ok());
        assert!(settings(b"").check().is_err(), "no PIN");
        let idle = Settings {
            sessions: 0,
            ..settings(b"1234")
        };
        assert!(idle.check().is_err(), "no session");
        let busy = Settings {
            sessions: usize::MAX,
            ..settings(b"1234")
        };
        assert!(busy.check().is_err(), "more than there can be");
        let token = TokenName::Serial(String::new());
        let nameless = Settings {
            token,
            ..settings(b"1234")
        };
        assert!(nameless.check().is_err(), "no token");
    }

    #[test]
    fn a_pin_is_not_printed() {
        assert!(!format!("{:?}", settings(b"987654")).contains("987654"));
    }
}
