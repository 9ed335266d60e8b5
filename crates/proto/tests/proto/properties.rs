//! Hostile bytes never panic; whatever is valid comes back as it was.

use proptest::prelude::*;
use strongroom_crypto::{KeyPurpose, KeyUsage, KeyUsages, PrivateKey, PublicKey, SecretBytes};
use strongroom_proto::{
    decode_asymmetric_encrypted, decode_key_pair, decode_named_public_key,
    decode_public_key_for_import, decode_signature, decode_stored_private_key,
    decode_stored_public_key, decode_symmetric_key, encode_key_pair, encode_public_key,
    encode_stored_private_key, encode_stored_public_key, versioned,
};

use crate::canton::Versioned;
use crate::support::{ED25519, samples};

/// Reads `bytes` as everything there is. Passwords are left out: each try costs 12 MiB.
fn read_as_everything(bytes: &[u8]) {
    let _ = versioned::unwrap_message(bytes);
    let _ = decode_public_key_for_import(bytes);
    let _ = decode_named_public_key(bytes);
    let _ = decode_signature(bytes);
    let _ = decode_asymmetric_encrypted(bytes);
    let _ = decode_symmetric_key(bytes);
    let _ = decode_key_pair(bytes);
    for purpose in KeyPurpose::ALL {
        let _ = decode_stored_public_key(purpose, bytes);
        let _ = decode_stored_private_key(purpose, bytes);
    }
}

fn any_usages() -> impl Strategy<Value = KeyUsages> {
    proptest::sample::subsequence(KeyUsage::ALL.to_vec(), 1..=KeyUsage::ALL.len())
        .prop_filter_map("a set that no key can have", |usages| {
            KeyUsages::try_new(usages).ok()
        })
}

fn ed25519(seed: [u8; 32], usages: KeyUsages) -> (PrivateKey, PublicKey) {
    let private = PrivateKey::from_stored(ED25519, SecretBytes::from_slice(&seed)).unwrap();
    let public = private.public_key(Some(usages)).unwrap();
    (private, public)
}

/// Changes to valid bytes: the interesting neighbourhood of what decoders accept.
fn spoil(mut bytes: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    for (position, value) in changes {
        let position = position % bytes.len();
        if let Some(byte) = bytes.get_mut(position) {
            *byte ^= value;
        }
    }
    bytes
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        read_as_everything(&bytes);
        read_as_everything(&versioned::wrap_message(&bytes));
    }

    #[test]
    fn spoilt_messages_never_panic(
        index in 0..7usize,
        changes in proptest::collection::vec((any::<usize>(), 1..=255u8), 1..4),
    ) {
        let sample = &samples()[index];
        read_as_everything(&spoil(encode_public_key(&sample.public), &changes));
        read_as_everything(&spoil(encode_stored_public_key(&sample.public), &changes));
        let row = encode_stored_private_key(&sample.private, &sample.public).unwrap();
        read_as_everything(&spoil(row.expose().to_vec(), &changes));
        let export = encode_key_pair(&sample.private, &sample.public).unwrap();
        read_as_everything(&spoil(export.expose().to_vec(), &changes));
    }

    #[test]
    fn any_key_with_any_usages_survives(seed: [u8; 32], usages in any_usages()) {
        let (private, public) = ed25519(seed, usages);
        let export = encode_key_pair(&private, &public).unwrap();
        let read = decode_key_pair(export.expose()).unwrap();
        prop_assert_eq!(&read.public, &public);
        prop_assert_eq!(read.private.stored(), private.stored());
        prop_assert_eq!(decode_public_key_for_import(&encode_public_key(&public)).unwrap().key, public);
    }

    #[test]
    fn the_wrapper_agrees_with_another_implementation(data: Option<Vec<u8>>, version: i32) {
        let bytes = prost::Message::encode_to_vec(&Versioned { data: data.clone(), version });
        let read = versioned::unwrap_message(&bytes);
        prop_assert_eq!(read.ok().map(|found| (found.data.to_vec(), found.version)), data.map(|data| (data, version)));
    }

    #[test]
    fn whatever_another_implementation_reads_is_read_alike(bytes in proptest::collection::vec(0..32u8, 0..40)) {
        // Where the types of fields disagree the other one gives up and we skip, so only its successes count.
        if let Ok(theirs) = <Versioned as prost::Message>::decode(bytes.as_slice()) {
            match (versioned::unwrap_message(&bytes), theirs.data) {
                (Ok(ours), Some(data)) => {
                    prop_assert_eq!(ours.data, data.as_slice());
                    prop_assert_eq!(ours.version, theirs.version);
                }
                (Err(_), None) => {}
                // Groups are skipped there and refused here.
                (Err(strongroom_proto::ProtoError::MalformedSecret { .. }), Some(_)) => {}
                (ours, data) => prop_assert!(false, "{ours:?} and {data:?}"),
            }
        }
    }
}
