use strongroom_proto::topology::{Container, ItemReader};
use strongroom_server::contract::topology::{
    BaseQuery, ExportTopologySnapshotV2Request, ListAllRequest, ListAllV2Request,
    ListAvailableStoresRequest, ListNamespaceDelegationRequest, ListOwnerToKeyMappingRequest,
    StoreId, Synchronizer, base_query::TimeQuery, store_id::Store, synchronizer::Kind,
};
use tonic::Code;

use super::{head, identified, reader};
use crate::house::{House, told};

#[tokio::test]
async fn the_mapping_of_the_node_is_found_by_its_name_and_kind() {
    let house = House::new().await;
    let keys = identified(&house).await;
    let mut reader = reader(&house).await;
    let mut list = async |kind: &str, uid: &str| {
        let request = ListOwnerToKeyMappingRequest {
            base_query: head(),
            filter_key_owner_type: kind.to_owned(),
            filter_key_owner_uid: uid.to_owned(),
        };
        reader.list_owner_to_key_mapping(request).await
    };
    let uid = keys.member.uid.to_string();
    for (kind, name) in [("", ""), ("PAR", "part"), ("PAR", uid.as_str())] {
        let found = list(kind, name).await.unwrap().into_inner().results;
        let [only] = found.as_slice() else {
            panic!("{found:?}");
        };
        let context = only.context.as_ref().unwrap();
        assert_eq!((context.serial, context.operation), (1, 1));
        assert_eq!(context.transaction_hash.len(), 34);
        assert!(context.valid_until.is_none());
        let signed_by = &context.signed_by_fingerprints;
        assert!(
            signed_by.contains(&keys.root.unwrap().to_string()),
            "{signed_by:?}"
        );
    }
    for (kind, name) in [("SEQ", ""), ("PAR", "other"), ("PAR", "part::1220")] {
        let found = list(kind, name).await.unwrap().into_inner().results;
        assert!(found.is_empty(), "{kind} {name}");
    }
    let status = list("XYZ", "").await.unwrap_err();
    assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
}

#[tokio::test]
async fn delegations_are_found_by_namespace_and_target() {
    let house = House::new().await;
    let keys = identified(&house).await;
    let root = keys.root.unwrap().to_string();
    let mut reader = reader(&house).await;
    let mut count = async |namespace: &str, target: &str| {
        let request = ListNamespaceDelegationRequest {
            base_query: head(),
            filter_namespace: namespace.to_owned(),
            filter_target_key_fingerprint: target.to_owned(),
        };
        let answer = reader.list_namespace_delegation(request).await.unwrap();
        answer.into_inner().results.len()
    };
    assert_eq!(count("", "").await, 1);
    assert_eq!(count(&root[..10], &root).await, 1);
    assert_eq!(count("ffff", "").await, 0);
    // A target is compared whole.
    assert_eq!(count("", &root[..10]).await, 0);
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused() {
    let house = House::new().await;
    let mut reader = reader(&house).await;
    let head = head().unwrap();
    let without_time = BaseQuery {
        time_query: None,
        ..head.clone()
    };
    let strange_operation = BaseQuery {
        operation: 7,
        ..head.clone()
    };
    let strange_client = BaseQuery {
        client_version: Some("new".to_owned()),
        ..head.clone()
    };
    let empty_store = BaseQuery {
        store: Some(StoreId { store: None }),
        ..head
    };
    for query in [
        None,
        Some(without_time),
        Some(strange_operation),
        Some(strange_client),
        Some(empty_store),
    ] {
        let request = ListNamespaceDelegationRequest {
            base_query: query.clone(),
            ..ListNamespaceDelegationRequest::default()
        };
        let status = reader.list_namespace_delegation(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{query:?}");
        assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
    }
}

#[tokio::test]
async fn a_synchronizer_that_nobody_follows_is_not_found() {
    let house = House::new().await;
    let namespace = format!("1220{}", "ab".repeat(32));
    let mut reader = reader(&house).await;
    for (kind, text) in [
        (
            Kind::Id(format!("da::{namespace}")),
            "No active synchronizer found for",
        ),
        (
            Kind::PhysicalId(format!("da::{namespace}::34-0")),
            "is not known",
        ),
    ] {
        let store = Store::Synchronizer(Synchronizer { kind: Some(kind) });
        let query = BaseQuery {
            store: Some(StoreId { store: Some(store) }),
            ..head().unwrap()
        };
        let request = ListNamespaceDelegationRequest {
            base_query: Some(query),
            ..ListNamespaceDelegationRequest::default()
        };
        let status = reader.list_namespace_delegation(request).await.unwrap_err();
        let wanted = (Code::NotFound, "TOPOLOGY_STORE_NOT_FOUND".to_owned());
        assert_eq!((status.code(), told(&status).0), wanted);
        assert!(status.message().contains(text), "{status:?}");
    }
}

#[tokio::test]
async fn what_held_earlier_and_what_began_within_a_time_is_found() {
    let house = House::new().await;
    identified(&house).await;
    let mut reader = reader(&house).await;
    let mut count = async |time: TimeQuery| {
        let query = BaseQuery {
            time_query: Some(time),
            ..head().unwrap()
        };
        let request = ListAllV2Request {
            base_query: Some(query),
            ..ListAllV2Request::default()
        };
        let answer = reader.list_all_v2(request).await.unwrap().into_inner();
        answer.result.unwrap().items.len()
    };
    let at = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
    let all = count(TimeQuery::HeadState(())).await;
    assert_eq!(all, 2);
    assert_eq!(count(TimeQuery::Snapshot(at(0))).await, 0);
    assert_eq!(count(TimeQuery::Snapshot(at(4_000_000_000))).await, all);
    let range = |from, until| {
        TimeQuery::Range(
            strongroom_server::contract::topology::base_query::TimeRange { from, until },
        )
    };
    assert_eq!(count(range(None, None)).await, all);
    assert_eq!(count(range(Some(at(4_000_000_000)), None)).await, 0);
    assert_eq!(count(range(None, Some(at(0)))).await, 0);
}

#[tokio::test]
async fn everything_is_listed_by_kind_and_exported_as_a_snapshot() {
    let house = House::new().await;
    identified(&house).await;
    let mut reader = reader(&house).await;
    let included = |mappings: &[&str]| ListAllV2Request {
        base_query: head(),
        include_mappings: mappings.iter().map(|code| (*code).to_owned()).collect(),
        filter_namespace: String::new(),
    };
    for (mappings, items) in [
        (&["nsd"][..], 1),
        (&["nsd", "otk"], 2),
        (&["ptk"], 0),
        (&[], 2),
    ] {
        let all = reader
            .list_all_v2(included(mappings))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(all.result.unwrap().items.len(), items, "{mappings:?}");
    }
    let status = reader.list_all_v2(included(&["xyz"])).await.unwrap_err();
    assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
    let excluded = ListAllRequest {
        base_query: head(),
        exclude_mappings: vec!["otk".to_owned()],
        filter_namespace: String::new(),
    };
    #[expect(deprecated, reason = "clients of older releases call it")]
    let all = reader.list_all(excluded).await.unwrap().into_inner();
    assert_eq!(all.result.unwrap().items.len(), 1);
    let export = ExportTopologySnapshotV2Request {
        base_query: head(),
        ..ExportTopologySnapshotV2Request::default()
    };
    let mut pieces = reader
        .export_topology_snapshot_v2(export)
        .await
        .unwrap()
        .into_inner();
    let mut snapshot = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        snapshot.extend(piece.chunk);
    }
    let items = ItemReader::new(snapshot.as_slice(), Container::SnapshotV2);
    let decoded: Vec<_> = items.map(|item| item.unwrap().decode().unwrap()).collect();
    assert_eq!(decoded.len(), 2);
}

#[tokio::test]
async fn the_store_of_the_node_is_always_there() {
    let house = House::new().await;
    let mut reader = reader(&house).await;
    let stores = reader
        .list_available_stores(ListAvailableStoresRequest {})
        .await;
    let stores = stores.unwrap().into_inner().store_ids;
    assert!(matches!(
        stores.as_slice(),
        [StoreId {
            store: Some(Store::Authorized(_))
        }]
    ));
}
