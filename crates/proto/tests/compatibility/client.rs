//! What an unmodified client of Canton sends, byte for byte.

use prost::Message;
use serde_json::Value;
use strongroom_crypto::{KeyUsage, KeyUsages, SigningKeySpec, SigningPublicKey};
use strongroom_proto::{
    topology::{
        decode_signed_transaction, decode_transaction, encode_signed_transaction,
        v30::{SignedTopologyTransaction, TopologyTransaction, topology_mapping},
    },
    versioned,
};
use strongroom_topology::{Mapping, NamespaceDelegation, Restriction};

use crate::{
    Counts,
    keys::{hex, items, text},
};

/// `AddTransactionsRequest`, as far as the client fills it.
#[derive(Clone, PartialEq, Message)]
struct AddTransactions {
    #[prost(bytes = "vec", repeated, tag = "1")]
    transactions: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "3")]
    store: Option<StoreId>,
}

/// `ListNamespaceDelegationRequest`, as far as the client fills it.
#[derive(Clone, PartialEq, Message)]
struct ListDelegations {
    #[prost(message, optional, tag = "1")]
    base_query: Option<BaseQuery>,
    #[prost(string, tag = "2")]
    filter_namespace: String,
}

#[derive(Clone, PartialEq, Message)]
struct BaseQuery {
    #[prost(message, optional, tag = "1")]
    store: Option<StoreId>,
    #[prost(message, optional, tag = "6")]
    head_state: Option<()>,
}

#[derive(Clone, PartialEq, Message)]
struct StoreId {
    #[prost(message, optional, tag = "2")]
    synchronizer: Option<Synchronizer>,
}

#[derive(Clone, PartialEq, Message)]
struct Synchronizer {
    #[prost(string, tag = "1")]
    id: String,
}

pub(crate) fn check(section: &Value, counts: &mut Counts) {
    let store = StoreId {
        synchronizer: Some(Synchronizer {
            id: text(section, "synchronizer_id").to_owned(),
        }),
    };
    for call in items(section, "calls") {
        let request = hex(call, "request_hex");
        let method = text(call, "method").rsplit('/').next().unwrap();
        match method {
            "AddTransactions" => add(&request, store.clone(), &section["decoded"]),
            "ListNamespaceDelegation" => list(&request, store.clone(), &section["decoded"]),
            other => panic!("unknown method {other}"),
        }
        counts.add("request of a client");
    }
}

fn add(request: &[u8], store: StoreId, decoded: &Value) {
    let read = AddTransactions::decode(request).unwrap();
    assert_eq!(read.encode_to_vec(), request, "nothing else is in it");
    assert_eq!(read.store, Some(store));
    let [message] = read.transactions.as_slice() else {
        panic!("one transaction expected")
    };
    // The request holds the bare message.
    let wrapped = versioned::wrap_message(message);
    let signed = decode_signed_transaction(&wrapped).unwrap();
    assert_eq!(encode_signed_transaction(&signed), wrapped);
    assert!(!signed.is_proposal());
    let transaction = signed.transaction();
    assert_eq!(
        transaction.bytes(),
        hex(decoded, "topology_transaction_hex")
    );
    assert_eq!(signed.hash().to_string(), text(decoded, "tx_hash_hex"));
    assert_eq!(
        decode_transaction(transaction.bytes()).as_ref().unwrap(),
        transaction
    );

    let Mapping::NamespaceDelegation(delegation) = transaction.mapping() else {
        panic!("a delegation expected")
    };
    says_what_is_described(delegation, decoded);
    has_the_legacy_fields(message);
    assert_eq!(decoded["signature_verifies"], true);
    let [signature] = signed.signatures() else {
        panic!("one signature expected")
    };
    assert_eq!(
        signature.signed_by().to_string(),
        text(decoded, "signed_by")
    );
    let allowed = KeyUsages::only(KeyUsage::Namespace);
    signed.verify(delegation.target(), allowed).unwrap();
}

fn says_what_is_described(delegation: &NamespaceDelegation, decoded: &Value) {
    let spki = hex(decoded, "public_key_spki_der_hex");
    let usages = KeyUsages::only(KeyUsage::Namespace);
    let key = SigningPublicKey::from_spki(SigningKeySpec::EcP256, &spki, usages).unwrap();
    assert_eq!(delegation.target(), &key);
    assert_eq!(key.fingerprint().to_string(), text(decoded, "signed_by"));
    assert!(delegation.targets_root());
    assert_eq!(delegation.restriction(), &Restriction::AllMappings);
}

/// `key_fields` and `wrapper_field_order`: the spec in the legacy scheme only, the flag instead of a restriction.
fn has_the_legacy_fields(message: &[u8]) {
    let signed = SignedTopologyTransaction::decode(message).unwrap();
    assert!(signed.transaction.starts_with(&[0x0a]) && signed.transaction.ends_with(&[0x10, 30]));
    let inside = versioned::unwrap_message(&signed.transaction).unwrap();
    let transaction = TopologyTransaction::decode(inside.data).unwrap();
    let Some(topology_mapping::Mapping::NamespaceDelegation(delegation)) =
        transaction.mapping.unwrap().mapping
    else {
        panic!("a delegation expected")
    };
    #[expect(deprecated, reason = "the client fills what is deprecated")]
    {
        let key = delegation.target_key.unwrap();
        assert_eq!((key.scheme, key.key_spec, key.usage), (2, 0, vec![1]));
        assert!(delegation.is_root_delegation && delegation.restriction.is_none());
    }
}

fn list(request: &[u8], store: StoreId, decoded: &Value) {
    let read = ListDelegations::decode(request).unwrap();
    assert_eq!(read.encode_to_vec(), request, "nothing else is in it");
    let query = read.base_query.unwrap();
    assert_eq!((query.store, query.head_state), (Some(store), Some(())));
    assert_eq!(read.filter_namespace, text(decoded, "signed_by"));
}
