//! `topology-vectors.json`.

use std::{collections::BTreeMap, path::Path};

use prost::Message;
use serde_json::Value;
use strongroom_crypto::SigningPublicKey;
use strongroom_proto::{enums, read_signing_public_key, v30};

use crate::{
    Counts, client, hashes,
    keys::{base64, hex, integer, integers, items, raw_ed25519, text},
    scripts, snapshot, transactions,
};

/// The keys of real transactions by fingerprint.
pub(crate) type Keys = BTreeMap<String, SigningPublicKey>;

/// Checks every section of `file`; `data` is the folder with the files that it speaks of.
pub(crate) fn check_all(file: &Value, data: &Path, counts: &mut Counts) {
    let keys = real_keys(&file["public_keys_of_real_transactions"], counts);
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
            "offline_script_set_A" => scripts::check_all(section, counts),
            "multi_transaction_hash" => hashes::check_all(section, counts),
            "real_transactions" => items(section, "items").for_each(|item| {
                transactions::check(item, &keys);
                counts.add("real transaction");
            }),
            "snapshot_v2_resource" => snapshot::check(section, data, &keys, counts),
            "third_party_client_capture" => client::check(section, counts),
            // Read above; and a remark.
            "public_keys_of_real_transactions" | "about" => {}
            other => {
                panic!("topology-vectors.json has a section that this suite does not know: {other}")
            }
        }
    }
}

fn real_keys(section: &Value, counts: &mut Counts) -> Keys {
    let keys = section.as_object().unwrap().iter();
    keys.map(|(id, item)| (id.clone(), real_key(id, item, counts)))
        .collect()
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

fn real_key(id: &str, item: &Value, counts: &mut Counts) -> SigningPublicKey {
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
    read.key
}
