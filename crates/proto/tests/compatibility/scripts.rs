//! Certificates of Canton's scripts for an offline root key, made again from key and arguments.

use std::collections::BTreeMap;

use serde_json::Value;
use strongroom_crypto::{
    KeySpec, KeyUsage, KeyUsages, PrivateKey, PublicKey, SecretBytes, Signature, SignatureFormat,
    SigningAlgorithm, SigningKeySpec, SigningPublicKey,
};
use strongroom_proto::{
    decode_public_key_for_import, encode_stored_public_key,
    topology::{
        assemble_as_script, decode_signed_transaction, decode_transaction,
        encode_revocation_as_script, encode_signed_transaction, encode_transaction_as_script,
    },
    versioned,
};
use strongroom_topology::{
    Draft, Mapping, MappingCode, NamespaceDelegation, Operation, Restriction, Serial, Transaction,
};

use crate::{
    Counts,
    keys::{base64, hex, items, text},
};

/// Only where the key came as a file of Canton.
const KEY_FILE: &str = "canton_target_pub_key_file_hex";

/// Keys of OpenSSL and certificates of Canton's own scripts: the only known answers for P-384 and secp256k1.
pub(crate) fn check_all(section: &Value, counts: &mut Counts) {
    let mut keys = BTreeMap::new();
    for item in items(section, "keys") {
        keys.insert(text(item, "name"), offline_key(item));
        counts.add("key of the offline scripts");
    }
    for vector in items(section, "vectors") {
        let key = |role| keys.get(text(vector, role)).unwrap();
        let (root, target) = (key("root_key"), key("target_key"));
        let prepared = prepare(vector, root, target);
        certificate(vector, &prepared, root);
        counts.add("certificate of the offline scripts");
        if vector.get(KEY_FILE).is_some() {
            key_file(&hex(vector, KEY_FILE), target);
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

/// Makes the prepared transaction from keys and arguments alone, and compares each byte of it.
fn prepare(vector: &Value, root: &SigningPublicKey, target: &SigningPublicKey) -> Transaction {
    let arguments: Vec<_> = text(vector, "prepare_cert_args").split(' ').collect();
    let delegate = |restriction| delegation(root, target, restriction);
    let made = match *arguments.as_slice() {
        ["--revoke-delegation", ..] => {
            let revoked = decode_transaction(&hex(vector, "revokes_prep_hex")).unwrap();
            encode_revocation_as_script(&revoked).unwrap()
        }
        ["--root-delegation", ..] => {
            assert_eq!(root, target);
            encode_transaction_as_script(delegate(Restriction::AllMappings), &[])
        }
        ["--intermediate-delegation", ..] => {
            let restriction = Restriction::AllButNamespaceDelegations;
            encode_transaction_as_script(delegate(restriction), &[])
        }
        ["--delegation-restrictions", names, ..] => {
            let order: Vec<MappingCode> = names.split(',').map(|it| it.parse().unwrap()).collect();
            let restriction = Restriction::SpecificMappings(order.iter().copied().collect());
            encode_transaction_as_script(delegate(restriction), &order)
        }
        _ => panic!("unknown arguments {arguments:?}"),
    };
    assert_eq!(
        made.bytes(),
        hex(vector, "prep_hex"),
        "{}",
        text(vector, "name")
    );
    assert_eq!(
        made.hash().to_multihash(),
        hex(vector, "hash_hex").as_slice()
    );

    // Read again it says the same.
    let read = decode_transaction(made.bytes()).unwrap();
    assert_eq!(
        (read.operation(), read.serial(), read.mapping()),
        (made.operation(), made.serial(), made.mapping())
    );
    assert_eq!((read.bytes(), read.hash()), (made.bytes(), made.hash()));
    made
}

fn delegation(
    root: &SigningPublicKey,
    target: &SigningPublicKey,
    restriction: Restriction,
) -> Draft {
    let namespace = root.fingerprint().into();
    let mapping = NamespaceDelegation::try_new(namespace, target.clone(), restriction).unwrap();
    Draft {
        operation: Operation::AddReplace,
        serial: Serial::FIRST,
        mapping: Mapping::NamespaceDelegation(mapping),
    }
}

fn certificate(vector: &Value, prepared: &Transaction, root: &SigningPublicKey) {
    let certificate = hex(vector, "cert_hex");
    let (format, algorithm) = match text(vector, "signature_algorithm") {
        "ed25519" => (SignatureFormat::Concat, SigningAlgorithm::Ed25519),
        "ecdsa256" => (SignatureFormat::Der, SigningAlgorithm::EcDsaSha256),
        "ecdsa384" => (SignatureFormat::Der, SigningAlgorithm::EcDsaSha384),
        other => panic!("unknown algorithm {other}"),
    };
    let signature = Signature {
        bytes: hex(vector, "signature_hex"),
        format,
        signed_by: root.fingerprint(),
        algorithm: Some(algorithm),
    };
    assert_eq!(assemble_as_script(prepared, &signature), certificate);

    let signed = decode_signed_transaction(&certificate).unwrap();
    assert_eq!(signed.transaction(), prepared);
    assert_eq!(signed.transaction().bytes(), prepared.bytes());
    assert!(!signed.is_proposal());
    let [received] = signed.signatures() else {
        panic!("one signature expected")
    };
    assert_eq!(received.signature(), &signature);
    let allowed = KeyUsages::only(KeyUsage::Namespace);
    signed.verify(root, allowed).unwrap();
    assert!(root.verify(&[0; 34], &signature, allowed).is_err());

    // Written by us, the message is the same behind a wrapper in Canton's order, and reads the same again.
    let written = encode_signed_transaction(&signed);
    let (ours, theirs) = (
        versioned::unwrap_message(&written).unwrap(),
        versioned::unwrap_message(&certificate).unwrap(),
    );
    assert_eq!((ours.data, ours.version), (theirs.data, theirs.version));
    assert_eq!(
        decode_signed_transaction(&written).unwrap().hash(),
        signed.hash()
    );
}

/// A public key as Canton's console downloads it: wrapped, and here with the version in front.
fn key_file(file: &[u8], target: &SigningPublicKey) {
    let imported = decode_public_key_for_import(file).unwrap();
    assert!(imported.was_wrapped && !imported.was_legacy);
    assert_eq!(imported.key, PublicKey::Signing(target.clone()));
    let written = encode_stored_public_key(&imported.key);
    let (ours, theirs) = (
        versioned::unwrap_message(&written).unwrap(),
        versioned::unwrap_message(file).unwrap(),
    );
    assert_eq!(ours.data, theirs.data);
}
