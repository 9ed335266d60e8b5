use strongroom_crypto::{KeySpec, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_proto::topology::{
    v30::{TopologyMapping, topology_mapping::Mapping as WireMapping},
    write_mapping,
};
use strongroom_server::contract::topology::{
    AddTransactionsRequest, AuthorizeRequest, CreateTemporaryTopologyStoreRequest,
    DropTemporaryTopologyStoreRequest, GenerateTransactionsRequest, ListOwnerToKeyMappingRequest,
    SignTransactionsRequest,
    authorize_request::{Proposal, Type, proposal},
    generate_transactions_request,
    list_owner_to_key_mapping_response::result::Item,
    store_id::Temporary,
};
use strongroom_topology::Mapping;
use strongroom_vault::{Caller, NewSigningKey, NodeKeys};
use tonic::{Code, Status};

use super::{authorized, head, identified, reader, writer};
use crate::house::{House, told};

/// The mapping of the node with one more signing key.
pub(super) async fn with_another_key(house: &House, keys: &NodeKeys) -> TopologyMapping {
    let new = NewSigningKey {
        spec: SigningKeySpec::EcP256,
        usages: KeyUsages::any_of(&[KeyUsage::Protocol, KeyUsage::ProofOfOwnership]),
        name: None,
    };
    let made = house
        .vault
        .generate_signing_key(&Caller::new("test"), new)
        .await;
    let key = made.unwrap().public.clone();
    assert_eq!(key.spec(), KeySpec::Signing(SigningKeySpec::EcP256));
    write_mapping(&Mapping::OwnerToKeyMapping(
        keys.announced.with_key(key).unwrap(),
    ))
}

pub(super) fn proposed(mapping: TopologyMapping, serial: u32) -> AuthorizeRequest {
    AuthorizeRequest {
        must_fully_authorize: true,
        store: authorized(),
        r#type: Some(Type::Proposal(Proposal {
            change: 1,
            serial,
            mapping: Some(proposal::Mapping::V30(mapping)),
        })),
        ..AuthorizeRequest::default()
    }
}

pub(super) async fn announced_keys(house: &House) -> usize {
    let request = ListOwnerToKeyMappingRequest {
        base_query: head(),
        ..ListOwnerToKeyMappingRequest::default()
    };
    let mut reader = reader(house).await;
    let answer = reader
        .list_owner_to_key_mapping(request)
        .await
        .unwrap()
        .into_inner();
    match &answer.results[0].item {
        Some(Item::V30(mapping)) => mapping.public_keys.len(),
        None => panic!("no mapping"),
    }
}

#[tokio::test]
async fn a_key_is_announced_and_the_signed_transaction_answered() {
    let house = House::new().await;
    let keys = identified(&house).await;
    let mapping = with_another_key(&house, &keys).await;
    let before = announced_keys(&house).await;
    let mut writer = writer(&house).await;
    let answer = writer
        .authorize(proposed(mapping.clone(), 0))
        .await
        .unwrap();
    let signed = answer.into_inner().transaction.unwrap();
    // The namespace, and the new key itself.
    assert_eq!(signed.signatures.len(), 2);
    assert!(!signed.proposal);
    assert_eq!(announced_keys(&house).await, before + 1);
    let status = writer.authorize(proposed(mapping, 7)).await.unwrap_err();
    assert_eq!(told(&status).0, "TOPOLOGY_MAPPING_ALREADY_EXISTS");
}

#[tokio::test]
async fn a_proposal_is_refused_that_cannot_be_meant() {
    let house = House::new().await;
    let keys = identified(&house).await;
    let mapping = with_another_key(&house, &keys).await;
    let mut writer = writer(&house).await;
    let mut ask = async |request: AuthorizeRequest| writer.authorize(request).await.unwrap_err();
    let whole = || proposed(mapping.clone(), 0);
    let without = |change: fn(&mut AuthorizeRequest)| {
        let mut request = whole();
        change(&mut request);
        request
    };
    for request in [
        without(|request| request.store = None),
        without(|request| request.r#type = None),
        without(|request| request.signed_by = vec!["garbage".to_owned()]),
        without(|request| request.force_changes = vec![0]),
        without(|request| request.force_changes = vec![77]),
        without(|request| request.r#type = Some(Type::TransactionHash("xyz".to_owned()))),
        without(|request| request.r#type = Some(Type::Proposal(Proposal::default()))),
        without(|request| {
            request.r#type = Some(Type::Proposal(Proposal {
                change: 1,
                ..Proposal::default()
            }));
        }),
    ] {
        let status = ask(request).await;
        assert_eq!(
            told(&status).0,
            "PROTO_DESERIALIZATION_FAILURE",
            "{status:?}"
        );
    }
    let wrong_serial = ask(proposed(mapping.clone(), 9)).await;
    let text = "The provided serial 9 did not match the expected serial 2.";
    assert!(wrong_serial.message().contains(text), "{wrong_serial:?}");
    let unknown = format!("1220{}", "ab".repeat(32));
    let hash = AuthorizeRequest {
        r#type: Some(Type::TransactionHash(unknown)),
        ..whole()
    };
    let status = ask(hash).await;
    assert_eq!(
        (status.code(), told(&status).0.as_str()),
        (Code::NotFound, "TOPOLOGY_TRANSACTION_NOT_FOUND")
    );
}

#[tokio::test]
async fn another_node_s_announcement_is_dangerous_and_says_so() {
    let house = House::new().await;
    let keys = identified(&house).await;
    let TopologyMapping { mapping } = with_another_key(&house, &keys).await;
    let Some(WireMapping::OwnerToKeyMapping(mut mapping)) = mapping else {
        panic!("no mapping");
    };
    mapping.member = mapping.member.replace("participant1", "participant2");
    let mapping = TopologyMapping {
        mapping: Some(WireMapping::OwnerToKeyMapping(mapping)),
    };
    let mut writer = writer(&house).await;
    let status = writer
        .authorize(proposed(mapping.clone(), 0))
        .await
        .unwrap_err();
    let id = "TOPOLOGY_DANGEROUS_COMMAND_REQUIRES_FORCE_ALIEN_MEMBER";
    assert_eq!(told(&status).0, id);
    let forced = AuthorizeRequest {
        force_changes: vec![1],
        ..proposed(mapping, 0)
    };
    writer.authorize(forced).await.unwrap();
}

#[tokio::test]
async fn a_transaction_is_generated_signed_and_added_step_by_step() {
    let house = House::new().await;
    let keys = identified(&house).await;
    let mapping = with_another_key(&house, &keys).await;
    let before = announced_keys(&house).await;
    let mut writer = writer(&house).await;
    let request = GenerateTransactionsRequest {
        proposals: vec![generate_transactions_request::Proposal {
            operation: 1,
            serial: 0,
            mapping: Some(generate_transactions_request::proposal::Mapping::V30(
                mapping,
            )),
            store: authorized(),
        }],
        base_request: None,
    };
    let generated = writer
        .generate_transactions(request)
        .await
        .unwrap()
        .into_inner();
    let [generated] = generated.generated_transactions.as_slice() else {
        panic!("not one");
    };
    assert_eq!(generated.transaction_hash.len(), 34);
    let unsigned = strongroom_proto::topology::v30::SignedTopologyTransaction {
        transaction: generated.serialized_transaction.clone(),
        ..Default::default()
    };
    // Without a signature it is nothing yet.
    let add = |transactions| AddTransactionsRequest {
        transactions,
        store: authorized(),
        ..AddTransactionsRequest::default()
    };
    writer
        .add_transactions(add(vec![unsigned.clone()]))
        .await
        .unwrap_err();
    let root = house
        .vault
        .sign(
            &keys.root.unwrap(),
            &generated.transaction_hash,
            KeyUsages::only(KeyUsage::Namespace),
        )
        .await
        .unwrap();
    let by_root = strongroom_proto::topology::v30::SignedTopologyTransaction {
        signatures: vec![(&root).into()],
        ..unsigned
    };
    let status = writer
        .add_transactions(add(vec![by_root.clone()]))
        .await
        .unwrap_err();
    // Perhaps an attack: the operator is told, the caller nothing.
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().starts_with("An error occurred."),
        "{status:?}"
    );
    let sign = SignTransactionsRequest {
        transactions: vec![by_root],
        store: authorized(),
        ..SignTransactionsRequest::default()
    };
    let signed = writer
        .sign_transactions(sign)
        .await
        .unwrap()
        .into_inner()
        .transactions;
    assert_eq!(announced_keys(&house).await, before);
    writer.add_transactions(add(signed)).await.unwrap();
    assert_eq!(announced_keys(&house).await, before + 1);
}

#[tokio::test]
async fn temporary_stores_come_and_go() {
    let house = House::new().await;
    let mut writer = writer(&house).await;
    let create = |name: &str| CreateTemporaryTopologyStoreRequest {
        name: name.to_owned(),
        protocol_version: 34,
    };
    let drop = |name: &str| DropTemporaryTopologyStoreRequest {
        store_id: Some(Temporary {
            name: name.to_owned(),
        }),
    };
    let id = |status: Status| (status.code(), told(&status).0);
    writer
        .create_temporary_topology_store(create("look"))
        .await
        .unwrap();
    let again = writer
        .create_temporary_topology_store(create("look"))
        .await
        .unwrap_err();
    let exists = "TOPOLOGY_TEMPORARY_STORE_ALREADY_EXISTS".to_owned();
    assert_eq!(id(again), (Code::AlreadyExists, exists));
    let bad = writer
        .create_temporary_topology_store(create(&"x".repeat(186)))
        .await;
    assert_eq!(told(&bad.unwrap_err()).0, "PROTO_DESERIALIZATION_FAILURE");
    writer
        .drop_temporary_topology_store(drop("look"))
        .await
        .unwrap();
    let gone = writer
        .drop_temporary_topology_store(drop("look"))
        .await
        .unwrap_err();
    assert_eq!(
        id(gone),
        (Code::NotFound, "TOPOLOGY_STORE_NOT_FOUND".to_owned())
    );
    for number in 0..64 {
        let name = format!("{number}");
        writer
            .create_temporary_topology_store(create(&name))
            .await
            .unwrap();
    }
    let full = writer
        .create_temporary_topology_store(create("65"))
        .await
        .unwrap_err();
    assert_eq!(
        id(full),
        (
            Code::Aborted,
            "TOPOLOGY_TOO_MANY_TEMPORARY_STORES".to_owned()
        )
    );
}
