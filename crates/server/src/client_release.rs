//! The release of a client, as newer clients say it.

use std::str::FromStr;

use crate::failure::Failure;

/// A release of Canton: `3.5.0`, `3.5.0-rc3`, `3.6.0-SNAPSHOT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientRelease {
    major: u32,
    minor: u32,
    patch: u32,
}

impl FromStr for ClientRelease {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (numbers, suffix) = match text.split_once('-') {
                Some((numbers, suffix)) => (numbers, Some(suffix)),
                None => (text, None),
            };
            if suffix.is_some_and(str::is_empty) {
                return None;
            }
            let mut numbers = numbers.split('.').map(|number| number.parse().ok());
            let (major, minor, patch) = (numbers.next()??, numbers.next()??, numbers.next()??);
            let release = Self {
                major,
                minor,
                patch,
            };
            numbers.next().is_none().then_some(release)
        };
        parse().ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            Failure::unreadable(format!("Invalid client version '{shown}'"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_and_their_candidates_are_read() {
        for text in ["3.5.0", "3.5.0-rc3", "3.6.0-SNAPSHOT", "10.20.30"] {
            text.parse::<ClientRelease>().unwrap();
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "", "3", "3.5", "3.5.0.1", "3.5.x", "3.5.0-", "v3.5.0", "-1.0.0",
        ] {
            assert!(text.parse::<ClientRelease>().is_err(), "{text}");
        }
    }
}
