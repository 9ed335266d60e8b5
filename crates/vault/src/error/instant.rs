//! Times in messages.

use strongroom_crypto::Timestamp;

/// A time as people write it: RFC 3339, in UTC.
pub(crate) fn instant(time: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(time.as_micros()) {
        Ok(instant) => instant.to_string(),
        Err(_beyond_every_calendar) => format!("{} microseconds", time.as_micros()),
    }
}
