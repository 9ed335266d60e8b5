//! The trace that a call belongs to (W3C Trace Context, version 00).

use http::HeaderMap;
use parking_lot::Mutex;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use strongroom_crypto::Random;

use crate::context::Trace;

/// The header that carries a trace.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// Finds or gives the traces of calls.
#[derive(Debug)]
pub(crate) struct Traces {
    /// Ids need not be secret, they only have to differ from those of every other server: so no call waits for the system's randomness.
    ids: Mutex<SmallRng>,
}

impl Traces {
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut seed = [0; 32];
        if random.fill(&mut seed).is_err() {
            tracing::warn!(
                "no randomness for the ids of traces: those of another server may be the same"
            );
        }
        Self {
            ids: Mutex::new(SmallRng::from_seed(seed)),
        }
    }

    /// The trace that the caller names in `traceparent`, or a new one.
    pub(crate) fn of_request(&self, headers: &HeaderMap) -> Trace {
        let named = named(headers).map(|named| Trace::of(named.trace));
        named.unwrap_or_else(|| self.begin())
    }

    fn begin(&self) -> Trace {
        let mut id = [0; 16];
        self.ids.lock().fill_bytes(&mut id);
        Trace::of(&data_encoding::HEXLOWER.encode(&id))
    }
}

/// What `traceparent` says, if it can be read.
pub(crate) fn named(headers: &HeaderMap) -> Option<Named<'_>> {
    Named::parse(headers.get(TRACEPARENT)?.to_str().ok()?)
}

/// The three parts of a `traceparent`, in lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    /// 32 digits, not all zero.
    pub(crate) trace: &'a str,
    /// The span that calls: 16 digits, not all zero.
    pub(crate) parent: &'a str,
    /// 2 digits.
    pub(crate) flags: &'a str,
}

impl<'a> Named<'a> {
    /// Reads `version-trace-parent-flags`.
    fn parse(header: &'a str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, parent) = (parts.next()?, parts.next()?, parts.next()?);
        let flags = parts.next().filter(|flags| is_hex(flags, 2))?;
        // Later versions may add parts, the first may not; ff is no version.
        let is_whole = version != "00" || parts.next().is_none();
        let is_valid = is_hex(version, 2)
            && version != "ff"
            && is_hex(trace, 32)
            && is_hex(parent, 16)
            && !is_zero(trace)
            && !is_zero(parent);
        let named = Self {
            trace,
            parent,
            flags,
        };
        (is_whole && is_valid).then_some(named)
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == length && text.bytes().all(is_digit)
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn the_trace_of_the_caller_is_taken() {
        for header in [
            format!("00-{ID}-00f067aa0ba902b7-01"),
            format!("01-{ID}-00f067aa0ba902b7-01-what-comes"),
        ] {
            let named = Named::parse(&header);
            assert_eq!(named.map(|named| named.trace), Some(ID), "{header}");
        }
    }

    #[test]
    fn what_is_no_trace_is_not_taken() {
        for header in [
            String::new(),
            ID.to_owned(),
            format!("00-{ID}-00f067aa0ba902b7"),
            format!("00-{ID}-00f067aa0ba902b7-01-more"),
            format!("ff-{ID}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", ID.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{ID}-0000000000000000-01"),
            format!("00-{}\n-00f067aa0ba902b7-01", &ID[1..]),
        ] {
            assert_eq!(Named::parse(&header), None, "{header}");
        }
    }
}
