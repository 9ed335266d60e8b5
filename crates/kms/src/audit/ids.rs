//! Names of requests.

use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use strongroom_crypto::Random;

/// Names requests.
pub trait RequestIds: fmt::Debug + Send + Sync {
    /// A name that no other request has; `None`: there is none to be had, and the line says so.
    fn next(&self) -> Option<String>;
}

/// Random names.
#[derive(Clone, Debug)]
pub struct RandomIds {
    random: Arc<dyn Random>,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Span,
    Uuid,
}

impl RandomIds {
    /// Span ids: 16 hex digits.
    #[must_use]
    pub fn spans(random: Arc<dyn Random>) -> Self {
        let form = Form::Span;
        Self { random, form }
    }

    /// UUIDs of version 4 (RFC 9562).
    #[must_use]
    pub fn uuids(random: Arc<dyn Random>) -> Self {
        let form = Form::Uuid;
        Self { random, form }
    }
}

impl RequestIds for RandomIds {
    fn next(&self) -> Option<String> {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes).ok()?;
        match self.form {
            Form::Span => Some(HEXLOWER.encode(&bytes)),
            Form::Uuid => {
                let mut more = [0; 8];
                self.random.fill(&mut more).ok()?;
                Some(uuid(u64::from_be_bytes(bytes), u64::from_be_bytes(more)))
            }
        }
    }
}

/// Version 4 and the variant of the RFC in their places, random bits everywhere else.
fn uuid(high: u64, low: u64) -> String {
    let high = high & 0xffff_ffff_ffff_0fff | 0x4000;
    let low = low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_version_and_variant_where_they_belong() {
        assert_eq!(uuid(0, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(
            uuid(u64::MAX, u64::MAX),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(
            uuid(0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef),
            "01234567-89ab-4def-8123-456789abcdef"
        );
    }
}
