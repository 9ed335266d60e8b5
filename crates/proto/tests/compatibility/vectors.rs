//! `vectors.json`.

use prost::Message;
use serde_json::Value;
use strongroom_crypto::{
    EncryptionKeySpec, EncryptionPublicKey, Hash, HashBuilder, HashPurpose, KeyUsage, KeyUsages,
    PublicKey, SecretBytes, SymmetricKey, thumbprint,
};
use strongroom_proto::{decode_key_pair, encode_key_pair, read_signature, v30, versioned};

use crate::Counts;
use crate::canton::{CryptoKeyPair, Pair};
use crate::keys::{
    SignedTopologyTransaction, encryption_key, hex, integer, integers, items, optional_items,
    raw_ed25519, signing_key, text,
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
    let bytes = hex(vector, "topology_transaction_wrapped_hex");
    let hash = Hash::digest(HashPurpose::TopologyTransactionSignature, &bytes);
    assert_eq!(
        hash.to_multihash(),
        hex(vector, "transaction_hash_multihash_hex").as_slice()
    );
    assert_eq!(
        versioned::unwrap_message(&bytes).unwrap().version,
        versioned::VERSION
    );
    counts.add("transaction hash");

    let signed = hex(vector, "signed_topology_transaction_wrapped_hex");
    let signed =
        SignedTopologyTransaction::decode(versioned::unwrap_message(&signed).unwrap().data)
            .unwrap();
    assert_eq!(signed.transaction, bytes);
    let described: Vec<_> = items(vector, "signatures").collect();
    assert_eq!(signed.signatures.len(), described.len());
    for (received, described) in signed.signatures.iter().zip(described) {
        signature(received, described, &hash);
        counts.add("signature of a genesis transaction");
    }

    match text(vector, "mapping") {
        "namespace_delegation" => {
            let target = signing_key(&vector["target_key"]);
            // These are all root delegations: the namespace is the key that signs for it.
            assert_eq!(target.fingerprint().to_string(), text(vector, "namespace"));
        }
        "owner_to_key_mapping" => {
            for key in items(vector, "signing_keys") {
                signing_key(key);
                counts.add("mapped signing key");
            }
            for key in optional_items(vector, "encryption_keys") {
                encryption_key(key);
                counts.add("fingerprint of an encryption key");
            }
        }
        "decentralized_namespace_definition" => {
            let mut owners: Vec<_> = items(vector, "owners")
                .map(|owner| owner.as_str().unwrap())
                .collect();
            owners.sort_unstable();
            let builder = HashBuilder::new(HashPurpose::DecentralizedNamespace);
            let namespace = owners
                .into_iter()
                .fold(builder, HashBuilder::string)
                .finish();
            assert_eq!(
                namespace.to_string(),
                text(vector, "decentralized_namespace")
            );
            counts.add("decentralized namespace");
        }
        other => panic!("unknown mapping {other}"),
    }
}

/// Checks one signature over the 34 bytes of the multihash, as it was received.
fn signature(received: &v30::Signature, described: &Value, hash: &Hash) {
    let expected = v30::Signature {
        format: integer(described, "format"),
        signature: hex(described, "signature_hex"),
        signed_by: text(described, "signed_by").to_owned(),
        signing_algorithm_spec: integer(described, "signing_algorithm_spec"),
        signature_delegation: None,
    };
    assert_eq!(received, &expected);
    // All of them are in the legacy format.
    assert_eq!(expected.format, i32::from(v30::SignatureFormat::Raw));

    let signature = read_signature(received).unwrap();
    let key = signing_key(&described["signer_key"]);
    // Mapped keys prove that they agree; old keys do so with the right to sign for the namespace.
    let allowed = KeyUsages::any_of(&[KeyUsage::Namespace, KeyUsage::ProofOfOwnership]);
    key.verify(&hash.to_multihash(), &signature, allowed)
        .unwrap();
    assert!(
        key.verify(hash.as_bytes(), &signature, allowed).is_err(),
        "the bare hash is not what was signed"
    );
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
