//! `vectors.json`.

use prost::Message;
use serde_json::Value;
use strongroom_crypto::{
    EncryptionKeySpec, EncryptionPublicKey, HashBuilder, KeyUsage, KeyUsages, PublicKey,
    SecretBytes, SymmetricKey, thumbprint,
};
use strongroom_proto::{
    decode_key_pair, encode_key_pair, read_signature,
    topology::{decode_signed_transaction, encode_signed_transaction},
    v30, versioned,
};
use strongroom_topology::{
    DecentralizedNamespaceDefinition, Mapping, SignedTransaction, TransactionSignature,
};

use crate::Counts;
use crate::canton::{CryptoKeyPair, Pair};
use crate::keys::{
    encryption_key, hex, integer, integers, items, optional_items, raw_ed25519, signing_key, text,
};

pub(crate) fn check_all(file: &Value, counts: &mut Counts) {
    for vector in items(file, "vectors") {
        let kind = text(vector, "kind");
        // Some kinds carry a remark in parentheses.
        match kind.split(" (").next().unwrap() {
            "symmetric decryption" => symmetric(vector, counts),
            "deterministic encryption" => deterministic(vector, counts),
            "fingerprint" => fingerprint(vector, counts),
            "exported key pair" => export(vector, counts),
            "signed topology transaction" => transaction(vector, counts),
            "hash builder primitive" => primitive(vector, counts),
            "jwk thumbprint" => jwk(vector, counts),
            _ => panic!(
                "{} is of a kind that this suite does not know: {kind}",
                text(vector, "name")
            ),
        }
    }
}

fn symmetric(vector: &Value, counts: &mut Counts) {
    let key = SymmetricKey::try_new(SecretBytes::take(hex(vector, "key_hex"))).unwrap();
    let mut ciphertext = hex(vector, "ciphertext_hex");
    assert_eq!(
        key.open(&ciphertext).unwrap().expose(),
        text(vector, "plaintext_utf8").as_bytes()
    );
    *ciphertext.last_mut().unwrap() ^= 1;
    assert!(key.open(&ciphertext).is_err());
    counts.add("symmetric decryption");
}

/// Only what does not need the deterministic random source, which belongs to the session keys.
fn deterministic(vector: &Value, counts: &mut Counts) {
    let (spki, ciphertext) = (
        hex(vector, "public_key_spki_hex"),
        hex(vector, "ciphertext_hex"),
    );
    let derived = &vector["derived"];
    let spec = match text(vector, "algorithm") {
        "ENCRYPTION_ALGORITHM_SPEC_ECIES_HKDF_HMAC_SHA256_AES128CBC (1)" => {
            let parts = [
                "iv_hex",
                "ephemeral_point_hex",
                "aes_cbc_part_hex",
                "mac_hex",
            ];
            assert_eq!(ciphertext, parts.map(|part| hex(derived, part)).concat());
            assert_eq!(parts.map(|part| hex(derived, part).len()), [16, 65, 16, 32]);
            // The ephemeral point is a key of the curve like any other.
            let mut point = spki.clone();
            point.splice(spki.len() - 65.., hex(derived, "ephemeral_point_hex"));
            assert!(EncryptionPublicKey::from_spki(EncryptionKeySpec::EcP256, &point).is_ok());
            EncryptionKeySpec::EcP256
        }
        "ENCRYPTION_ALGORITHM_SPEC_RSA_OAEP_SHA256 (2)" => {
            assert_eq!(ciphertext.len(), 256);
            EncryptionKeySpec::Rsa2048
        }
        other => panic!("unknown algorithm {other}"),
    };
    let key = EncryptionPublicKey::from_spki(spec, &spki).unwrap();
    assert_eq!(
        key.fingerprint().to_string(),
        text(derived, "public_key_fingerprint")
    );
    counts.add("layout of a ciphertext");
    counts.add("fingerprint of an encryption key");
}

fn fingerprint(vector: &Value, counts: &mut Counts) {
    assert_eq!(
        text(vector, "key_spec"),
        "SIGNING_KEY_SPEC_EC_CURVE25519 (1)"
    );
    let key = raw_ed25519(hex(vector, "public_key_raw_hex"));
    assert_eq!(key.fingerprint().to_string(), text(vector, "fingerprint"));
    counts.add("fingerprint");
}

fn export(vector: &Value, counts: &mut Counts) {
    let file = hex(vector, "file_hex");
    let read = decode_key_pair(&file).unwrap();
    assert_eq!(
        read.private.to_pkcs8().unwrap().expose(),
        hex(vector, "private_key_pkcs8_hex")
    );
    assert_eq!(
        read.public.fingerprint().to_string(),
        text(vector, "fingerprint")
    );
    assert_eq!(
        read.public.spki().last_chunk::<32>().unwrap(),
        hex(vector, "public_key_raw_hex").as_slice()
    );
    assert_eq!(integers(vector, "usage"), [1]);
    assert_eq!(
        read.public.usages(),
        Some(KeyUsages::only(KeyUsage::Namespace))
    );
    assert!(!read.was_legacy);

    // Written again it is the same file, but for the public half that exports no longer have.
    let wrapper = versioned::unwrap_message(&file).unwrap();
    assert_eq!(wrapper.version, integer(vector, "wrapper_version"));
    let mut pair = CryptoKeyPair::decode(wrapper.data).unwrap();
    match pair.pair.as_mut().unwrap() {
        Pair::Signing(pair) => {
            let embedded =
                v30::SigningPublicKey::decode(pair.public_key.take().unwrap().as_slice()).unwrap();
            let PublicKey::Signing(public) = &read.public else {
                panic!("not a signing key")
            };
            assert_eq!(embedded, public.into());
        }
        Pair::Encryption(_) => panic!("not a signing key"),
    }
    let expected = versioned::wrap_message(&pair.encode_to_vec());
    assert_eq!(
        encode_key_pair(&read.private, &read.public)
            .unwrap()
            .expose(),
        expected
    );
    // The oldest exports had no wrapper.
    assert_eq!(decode_key_pair(wrapper.data).unwrap().public, read.public);
    counts.add("exported key pair");
}

fn transaction(vector: &Value, counts: &mut Counts) {
    let bytes = hex(vector, "signed_topology_transaction_wrapped_hex");
    let signed = decode_signed_transaction(&bytes).unwrap();
    assert_eq!(encode_signed_transaction(&signed), bytes);
    let transaction = signed.transaction();
    assert_eq!(
        transaction.bytes(),
        hex(vector, "topology_transaction_wrapped_hex")
    );
    assert_eq!(
        signed.hash().to_multihash(),
        hex(vector, "transaction_hash_multihash_hex").as_slice()
    );
    assert_eq!(
        i64::from(transaction.serial().get()),
        i64::from(integer(vector, "serial"))
    );
    counts.add("transaction hash");

    let described: Vec<_> = items(vector, "signatures").collect();
    assert_eq!(signed.signatures().len(), described.len());
    for (received, described) in signed.signatures().iter().zip(described) {
        signature(&signed, received, described);
        counts.add("signature of a genesis transaction");
    }
    mapping(vector, transaction.mapping(), counts);
}

fn mapping(vector: &Value, mapping: &Mapping, counts: &mut Counts) {
    let name = mapping.code().name().to_lowercase();
    assert_eq!(name, text(vector, "mapping"));
    match mapping {
        Mapping::NamespaceDelegation(it) => {
            assert_eq!(it.target(), &signing_key(&vector["target_key"]));
            assert_eq!(it.namespace().to_string(), text(vector, "namespace"));
            // These are all root delegations: the namespace is the key that signs for it.
            assert!(it.targets_root());
        }
        Mapping::OwnerToKeyMapping(it) => {
            assert_eq!(it.member().to_string(), text(vector, "member"));
            let signing: Vec<_> = items(vector, "signing_keys").map(signing_key).collect();
            assert!(it.signing_keys().eq(&signing));
            let encryption: Vec<_> = optional_items(vector, "encryption_keys")
                .map(encryption_key)
                .collect();
            assert!(it.encryption_keys().eq(&encryption));
            signing
                .iter()
                .for_each(|_| counts.add("mapped signing key"));
            encryption
                .iter()
                .for_each(|_| counts.add("fingerprint of an encryption key"));
        }
        Mapping::DecentralizedNamespaceDefinition(it) => {
            let owners = items(vector, "owners")
                .map(|owner| owner.as_str().unwrap().parse().unwrap())
                .collect();
            assert_eq!(it.owners(), &owners);
            assert_eq!(
                it.threshold(),
                usize::try_from(integer(vector, "threshold")).unwrap()
            );
            let derived = DecentralizedNamespaceDefinition::derive_namespace(&owners);
            assert_eq!(it.namespace(), &derived);
            assert_eq!(derived.to_string(), text(vector, "decentralized_namespace"));
            counts.add("decentralized namespace");
        }
        other => panic!("unknown mapping {other:?}"),
    }
}

/// Checks one signature over the 34 bytes of the multihash, as it was received.
fn signature(signed: &SignedTransaction, received: &TransactionSignature, described: &Value) {
    let message = v30::Signature::decode(received.encoded()).unwrap();
    let expected = v30::Signature {
        format: integer(described, "format"),
        signature: hex(described, "signature_hex"),
        signed_by: text(described, "signed_by").to_owned(),
        signing_algorithm_spec: integer(described, "signing_algorithm_spec"),
        signature_delegation: None,
    };
    assert_eq!(message, expected);
    // All of them are in the legacy format.
    assert_eq!(expected.format, i32::from(v30::SignatureFormat::Raw));
    assert_eq!(
        received.signature(),
        &read_signature(message.clone()).unwrap()
    );

    let key = signing_key(&described["signer_key"]);
    // Mapped keys prove that they agree; old keys do so with the right to sign for the namespace.
    let allowed = KeyUsages::any_of(&[KeyUsage::Namespace, KeyUsage::ProofOfOwnership]);
    signed.verify(&key, allowed).unwrap();
    let bare = key.verify(signed.hash().as_bytes(), received.signature(), allowed);
    assert!(bare.is_err(), "the bare hash is not what was signed");
}

fn primitive(vector: &Value, counts: &mut Counts) {
    let builder = HashBuilder::without_purpose();
    let builder = match text(vector, "name") {
        "hash-builder-primitive-unit" => builder.byte(0),
        "hash-builder-primitive-bool-true" => builder.byte(1).bool(true),
        "hash-builder-primitive-bool-false" => builder.byte(1).bool(false),
        "hash-builder-primitive-text-hello-world" => builder.byte(7).string("hello world!"),
        "hash-builder-primitive-numeric-125.1002" => builder.byte(3).numeric("125.1002"),
        other => panic!("unknown primitive {other}"),
    };
    let expected = hex(vector, "sha256_hex");
    assert_eq!(builder.finish().as_bytes().as_slice(), expected);
    let whole = HashBuilder::without_purpose()
        .raw(&hex(vector, "input_hex"))
        .finish();
    assert_eq!(whole.as_bytes().as_slice(), expected);
    counts.add("hash builder primitive");
}

fn jwk(vector: &Value, counts: &mut Counts) {
    let members = vector["members"].as_object().unwrap();
    let found = thumbprint(
        members
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap())),
    );
    assert_eq!(found, text(vector, "thumbprint"));
    counts.add("jwk thumbprint");
    // The other way round: from the key itself, where it is one of ours.
    if members["kty"] == "OKP" {
        let x = data_encoding::BASE64URL_NOPAD
            .decode(text(&vector["members"], "x").as_bytes())
            .unwrap();
        assert_eq!(
            raw_ed25519(x).to_jwk().unwrap().thumbprint(),
            text(vector, "thumbprint")
        );
    }
}
