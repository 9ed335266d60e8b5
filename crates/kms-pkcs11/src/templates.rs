//! What is asked of new objects on the token.

use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::types::Ulong;
use strongroom_crypto::KeySpec;

use crate::error::Pkcs11Error;
use crate::record::Record;

/// Marks our records among the data objects of a token.
pub(crate) const APPLICATION: &[u8] = b"strongroom";

/// Where a new key is to live.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// On the token, for good, under this CKA_ID.
    Token {
        /// The CKA_ID.
        object_id: Vec<u8>,
        /// For people who look at the token with other tools.
        label: String,
    },
    /// In the session, gone with it: for trying out.
    Session,
}

impl Place {
    fn attributes(&self) -> Vec<Attribute> {
        match self {
            Self::Token { object_id, label } => vec![
                Attribute::Token(true),
                Attribute::Modifiable(false),
                Attribute::Id(object_id.clone()),
                Attribute::Label(label.clone().into_bytes()),
            ],
            Self::Session => vec![Attribute::Token(false)],
        }
    }

    /// With what makes a key stay inside of the token, and do nothing but what is listed.
    fn guarded(&self, uses: Vec<Attribute>) -> Vec<Attribute> {
        let mut attributes = self.attributes();
        attributes.extend([
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Derive(false),
            Attribute::Unwrap(false),
        ]);
        attributes.extend(uses);
        attributes
    }
}

/// An AES-256 key that encrypts and decrypts.
pub(crate) fn wrapper_key(place: &Place) -> Vec<Attribute> {
    place.guarded(vec![
        Attribute::ValueLen(Ulong::new(32)),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Sign(false),
        Attribute::Verify(false),
    ])
}

/// Public and private half of a signing key on the curve that `curve` names.
pub(crate) fn signing_pair(place: &Place, curve: &[u8]) -> (Vec<Attribute>, Vec<Attribute>) {
    let mut public = place.attributes();
    public.extend([
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::EcParams(curve.to_vec()),
    ]);
    let private = place.guarded(vec![Attribute::Sign(true), Attribute::Decrypt(false)]);
    (public, private)
}

/// Public and private half of an RSA key of 2048 bits and the exponent 65537 that decrypts.
pub(crate) fn rsa_pair(place: &Place) -> (Vec<Attribute>, Vec<Attribute>) {
    let mut public = place.attributes();
    public.extend([
        Attribute::Private(false),
        Attribute::Encrypt(true),
        Attribute::Verify(false),
        Attribute::Wrap(false),
        Attribute::ModulusBits(Ulong::new(2048)),
        Attribute::PublicExponent(vec![1, 0, 1]),
    ]);
    let private = place.guarded(vec![Attribute::Decrypt(true), Attribute::Sign(false)]);
    (public, private)
}

/// Public and private half of a key that signs or decrypts and whose numbers come with it; those are added by who has them.
pub(crate) fn imported_pair(place: &Place, spec: KeySpec) -> (Vec<Attribute>, Vec<Attribute>) {
    let uses = |sign: bool, decrypt: bool| {
        let private = place.guarded(vec![Attribute::Sign(sign), Attribute::Decrypt(decrypt)]);
        let mut public = place.attributes();
        public.extend([
            Attribute::Private(false),
            Attribute::Verify(sign),
            Attribute::Encrypt(decrypt),
            Attribute::Wrap(false),
        ]);
        (public, private)
    };
    match spec {
        KeySpec::Signing(_) => uses(true, false),
        KeySpec::Encryption(_) => uses(false, true),
    }
}

/// The data object with a record. Never modified: a new one takes its place.
pub(crate) fn record(record: &Record) -> Vec<Attribute> {
    let mut attributes = record_of(&record.id.to_string());
    attributes.extend([
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Modifiable(false),
        Attribute::Value(record.to_bytes()),
    ]);
    attributes
}

/// Finds the records of the key with this id.
pub(crate) fn record_of(id: &str) -> Vec<Attribute> {
    let mut attributes = records();
    attributes.push(Attribute::Label(id.as_bytes().to_vec()));
    attributes
}

/// Finds all records.
pub(crate) fn records() -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::DATA),
        Attribute::Application(APPLICATION.to_vec()),
    ]
}

/// What [`check_guarded`] wants to know.
pub(crate) const GUARDS: [AttributeType; 5] = [
    AttributeType::Sensitive,
    AttributeType::AlwaysSensitive,
    AttributeType::Extractable,
    AttributeType::NeverExtractable,
    AttributeType::Local,
];

/// Where the value of a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The token drew it: it was never anywhere else.
    Generated,
    /// It was brought in. What it was before the token cannot know, only that it stays from now on.
    Imported,
}

/// Checks that the token made the key as it was asked to: some take any template and do as they please.
pub(crate) fn check_guarded(found: &[Attribute], origin: Origin) -> Result<(), Pkcs11Error> {
    let kept = [
        (Attribute::Sensitive(true), "CKA_SENSITIVE"),
        (Attribute::Extractable(false), "CKA_EXTRACTABLE"),
    ];
    let never_outside = [
        (Attribute::AlwaysSensitive(true), "CKA_ALWAYS_SENSITIVE"),
        (Attribute::NeverExtractable(true), "CKA_NEVER_EXTRACTABLE"),
        (Attribute::Local(true), "CKA_LOCAL"),
    ];
    let never_outside = match origin {
        Origin::Generated => never_outside.as_slice(),
        Origin::Imported => &[],
    };
    for (wanted, attribute) in kept.iter().chain(never_outside) {
        if !found.contains(wanted) {
            return Err(Pkcs11Error::KeyUnprotected { attribute });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Vec<Attribute> {
        vec![
            Attribute::Sensitive(true),
            Attribute::AlwaysSensitive(true),
            Attribute::Extractable(false),
            Attribute::NeverExtractable(true),
            Attribute::Local(true),
        ]
    }

    #[test]
    fn a_key_with_any_guard_missing_or_turned_is_refused() {
        let check_guarded = |found: &[Attribute]| check_guarded(found, Origin::Generated);
        assert!(check_guarded(&sound()).is_ok());
        for position in 0..sound().len() {
            let mut missing = sound();
            missing.remove(position);
            assert!(check_guarded(&missing).is_err(), "{position} is missing");
        }
        let mut extractable = sound();
        extractable[2] = Attribute::Extractable(true);
        let error = check_guarded(&extractable).unwrap_err();
        assert!(error.to_string().contains("CKA_EXTRACTABLE"), "{error}");
    }

    #[test]
    fn a_key_that_was_brought_in_must_stay_and_need_not_always_have_been_there() {
        let kept = [Attribute::Sensitive(true), Attribute::Extractable(false)];
        assert!(check_guarded(&kept, Origin::Imported).is_ok());
        assert!(check_guarded(&kept, Origin::Generated).is_err());
        for one in kept {
            assert!(check_guarded(&[one], Origin::Imported).is_err());
        }
    }
}
