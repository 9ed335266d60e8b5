//! What a rotated key is called.

use jiff::fmt::temporal::DateTimePrinter;
use strongroom_crypto::{KeyName, Timestamp};

use crate::error::VaultError;

const MARK: &str = "-rotated";

/// `N` becomes `N-rotated-<now>`, and what was rotated before gets the new time; an unnamed key stays unnamed.
pub(crate) fn of_successor(
    name: Option<&KeyName>,
    now: Timestamp,
) -> Result<Option<KeyName>, VaultError> {
    let Some(name) = name.map(KeyName::as_str) else {
        return Ok(None);
    };
    let stem = stem_of(name);
    let mark = format!("{MARK}-{}", iso(now));
    // A name that is as long as any may be loses its end: that is no reason to keep the key.
    let room = KeyName::MAX_LENGTH.saturating_sub(mark.len());
    let name = format!("{}{mark}", beginning(stem, room));
    Ok(Some(KeyName::try_new(name)?))
}

/// Whether a key is called as an earlier attempt would have called the successor of a key with this name.
pub(super) fn is_of_successor(candidate: Option<&KeyName>, name: Option<&KeyName>) -> bool {
    match (candidate.map(KeyName::as_str), name.map(KeyName::as_str)) {
        (None, None) => true,
        (Some(candidate), Some(name)) => candidate.rfind(MARK).is_some_and(|at| {
            let stem = candidate.get(..at).unwrap_or_default();
            // The end of a long name gave way to the mark.
            let whole = stem_of(name);
            stem == whole || (candidate.len() >= KeyName::MAX_LENGTH && whole.starts_with(stem))
        }),
        _ => false,
    }
}

fn stem_of(name: &str) -> &str {
    let marked = name.rfind(MARK).and_then(|at| name.get(..at));
    marked.unwrap_or(name)
}

/// As much of `text` as fits into so many UTF-16 code units.
fn beginning(text: &str, units: usize) -> &str {
    let mut left = units;
    let fits = |character: &char| {
        let enough = character.len_utf16() <= left;
        left = left.saturating_sub(character.len_utf16());
        enough
    };
    let bytes: usize = text.chars().take_while(fits).map(char::len_utf8).sum();
    text.get(..bytes).unwrap_or_default()
}

/// As Java writes an instant: a fraction of three or six digits, or none.
fn iso(time: Timestamp) -> String {
    let Ok(instant) = jiff::Timestamp::from_microsecond(time.as_micros()) else {
        return time.as_micros().to_string();
    };
    let digits = match time.as_micros() {
        micros if micros % 1_000_000 == 0 => 0,
        micros if micros % 1_000 == 0 => 3,
        _ => 6,
    };
    let printer = DateTimePrinter::new().precision(Some(digits));
    printer.timestamp_to_string(&instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-07-01T12:00:00Z.
    const NOON: i64 = 1_782_907_200_000_000;

    fn successor(name: &str, micros: i64) -> String {
        let name = KeyName::try_new(name).unwrap();
        let successor = of_successor(Some(&name), Timestamp::from_micros(micros));
        successor.unwrap().unwrap().as_str().to_owned()
    }

    #[test]
    fn a_successor_is_named_after_its_predecessor_and_the_time() {
        assert_eq!(
            successor("p-signing", NOON),
            "p-signing-rotated-2026-07-01T12:00:00Z"
        );
        assert_eq!(
            successor("p-signing", NOON + 120_000),
            "p-signing-rotated-2026-07-01T12:00:00.120Z"
        );
    }

    #[test]
    fn a_key_that_was_rotated_before_gets_the_new_time_only() {
        assert_eq!(
            successor("p-rotated-2025-01-01T00:00:00Z", NOON),
            "p-rotated-2026-07-01T12:00:00Z"
        );
        assert_eq!(
            successor("a-rotated-b-rotated-c", NOON),
            "a-rotated-b-rotated-2026-07-01T12:00:00Z"
        );
    }

    #[test]
    fn the_successor_of_a_key_with_the_longest_name_has_a_name_too() {
        // A character of two units is not cut in half.
        for (name, length) in [
            ("n".repeat(300), 300),
            (format!("n{}", "🔑".repeat(149)), 299),
        ] {
            let successor = successor(&name, NOON + 1);
            assert_eq!(successor.encode_utf16().count(), length);
            assert!(successor.ends_with("-rotated-2026-07-01T12:00:00.000001Z"));
        }
    }

    #[test]
    fn a_key_without_a_name_has_a_successor_without_one() {
        assert_eq!(
            of_successor(None, Timestamp::from_micros(NOON)).unwrap(),
            None
        );
    }
}
