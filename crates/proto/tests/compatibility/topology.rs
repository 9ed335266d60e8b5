//! `topology-vectors.json`, so far as it is about keys.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::Value;
use strongroom_crypto::{
    Hash, HashPurpose, KeySpec, KeyUsage, KeyUsages, PrivateKey, SecretBytes, SigningKeySpec,
    SigningPublicKey,
};
use strongroom_proto::{
    decode_public_key_for_import, encode_stored_public_key, enums, read_signature,
    read_signing_public_key, v30, versioned,
};

use crate::Counts;
use crate::keys::{
    SignedTopologyTransaction, base64, hex, integer, integers, items, raw_ed25519, text,
};

pub(crate) fn check_all(file: &Value, counts: &mut Counts) {
    for (name, section) in file.as_object().unwrap() {
        match name.as_str() {
            "fingerprint_examples" => section
                .as_array()
                .unwrap()
                .iter()
                .for_each(|item| example(item, counts)),
            "documentation_key_pairs" => {
                items(section, "items").for_each(|item| documentation(item, counts))
            }
            "public_keys_of_real_transactions" => {
                section
                    .as_object()
                    .unwrap()
                    .iter()
                    .for_each(|(id, key)| real_key(id, key, counts));
            }
            "offline_script_set_A" => offline_scripts(section, counts),
            // Mappings and states are the matter of `strongroom-topology`.
            "about"
            | "multi_transaction_hash"
            | "real_transactions"
            | "snapshot_v2_resource"
            | "third_party_client_capture" => {}
            other => {
                panic!("topology-vectors.json has a section that this suite does not know: {other}")
            }
        }
    }
}

fn example(item: &Value, counts: &mut Counts) {
    let key = raw_ed25519(base64(item, "public_key_raw_base64"));
    assert_eq!(key.fingerprint().to_string(), text(item, "fingerprint"));
    counts.add("fingerprint example");
}

fn documentation(item: &Value, counts: &mut Counts) {
    let message = v30::SigningPublicKey {
        format: integer(item, "public_key_format_field"),
        public_key: hex(item, "public_key_hex"),
        key_spec: integer(item, "effective_spec"),
        ..Default::default()
    };
    let read = read_signing_public_key(&message).unwrap();
    assert!(!read.was_legacy);
    assert_eq!(
        read.key.fingerprint().to_string(),
        text(item, "fingerprint")
    );
    assert_eq!(
        text(item, "private_key_id_field"),
        text(item, "fingerprint")
    );
    counts.add("documentation key pair");
}

fn real_key(id: &str, item: &Value, counts: &mut Counts) {
    let message =
        v30::SigningPublicKey::decode(hex(item, "signing_public_key_proto_hex").as_slice())
            .unwrap();
    #[expect(
        deprecated,
        reason = "the keys of live networks have nothing but a scheme"
    )]
    let scheme = message.scheme;
    assert_eq!(
        (message.format, scheme),
        (
            integer(item, "format_field"),
            integer(item, "deprecated_scheme_field")
        )
    );
    assert_eq!(
        (&message.usage, message.key_spec),
        (
            &integers(item, "usage_field"),
            integer(item, "key_spec_field")
        )
    );
    assert_eq!(message.public_key, hex(item, "key_bytes_hex"));

    let read = read_signing_public_key(&message).unwrap();
    assert_eq!(read.key.fingerprint().to_string(), id);
    let spec = v30::SigningKeySpec::from(read.key.spec()).as_str_name();
    assert_eq!(
        spec,
        format!("SIGNING_KEY_SPEC_{}", text(item, "effective_spec"))
    );
    let number = v30::SigningKeySpec::from(read.key.spec()).into();
    assert_eq!(
        enums::read_signing_key_spec("test", number, 0).unwrap(),
        read.key.spec()
    );
    counts.add("public key of a real transaction");
}

/// Only where the key came as a file of Canton.
const KEY_FILE: &str = "canton_target_pub_key_file_hex";

/// Keys of OpenSSL and certificates of Canton's own scripts: the only known answers for P-384 and secp256k1.
fn offline_scripts(section: &Value, counts: &mut Counts) {
    let mut keys = BTreeMap::new();
    for item in items(section, "keys") {
        keys.insert(text(item, "name"), offline_key(item));
        counts.add("key of the offline scripts");
    }
    for vector in items(section, "vectors") {
        let key = |role| keys.get(text(vector, role)).unwrap();
        certificate(vector, key("root_key"), key("target_key"));
        counts.add("certificate of the offline scripts");
        if vector.get(KEY_FILE).is_some() {
            key_file(&hex(vector, KEY_FILE), key("target_key"));
            counts.add("public key file of Canton");
        }
    }
}

/// Reads both halves and checks that they belong together.
fn offline_key(item: &Value) -> SigningPublicKey {
    let spec = match text(item, "openssl_spec") {
        "ed25519" => SigningKeySpec::EcCurve25519,
        "p256" => SigningKeySpec::EcP256,
        "p384" => SigningKeySpec::EcP384,
        "secp256k1" => SigningKeySpec::EcSecp256k1,
        other => panic!("unknown spec {other}"),
    };
    let spki = base64(item, "public_key_spki_der_base64");
    let usages = KeyUsages::only(KeyUsage::Namespace);
    let key = SigningPublicKey::from_spki(spec, &spki, usages).unwrap();
    let pkcs8 = SecretBytes::take(base64(item, "private_key_pkcs8_der_base64"));
    let private = PrivateKey::from_pkcs8(Some(KeySpec::Signing(spec)), &pkcs8).unwrap();
    assert_eq!(private.public_spki().unwrap().as_ref(), spki);
    key
}

fn certificate(vector: &Value, root: &SigningPublicKey, target: &SigningPublicKey) {
    let prepared = hex(vector, "prep_hex");
    let hash = Hash::digest(HashPurpose::TopologyTransactionSignature, &prepared);
    assert_eq!(hash.to_multihash(), hex(vector, "hash_hex").as_slice());
    // The namespace is the root key's fingerprint, and the target's key is in the statement about it.
    let contains = |part: &[u8]| prepared.windows(part.len()).any(|window| window == part);
    assert!(contains(root.fingerprint().to_string().as_bytes()) && contains(target.spki()));

    let certificate = hex(vector, "cert_hex");
    let certificate = versioned::unwrap_message(&certificate).unwrap();
    assert_eq!(certificate.version, versioned::VERSION);
    let signed = SignedTopologyTransaction::decode(certificate.data).unwrap();
    assert_eq!(signed.transaction, prepared);
    let [received] = signed.signatures.as_slice() else {
        panic!("one signature expected")
    };
    assert_eq!(received.signature, hex(vector, "signature_hex"));
    let signature = read_signature(received).unwrap();
    let allowed = KeyUsages::only(KeyUsage::Namespace);
    root.verify(&hash.to_multihash(), &signature, allowed)
        .unwrap();
    assert!(root.verify(&[0; 34], &signature, allowed).is_err());
}

/// A public key as Canton's console downloads it: wrapped, and here with the version in front.
fn key_file(file: &[u8], target: &SigningPublicKey) {
    let imported = decode_public_key_for_import(file).unwrap();
    assert!(imported.was_wrapped && !imported.was_legacy);
    assert_eq!(imported.key.fingerprint(), target.fingerprint());
    let written = encode_stored_public_key(&imported.key);
    let (ours, theirs) = (
        versioned::unwrap_message(&written).unwrap(),
        versioned::unwrap_message(file).unwrap(),
    );
    assert_eq!(ours.data, theirs.data);
}
