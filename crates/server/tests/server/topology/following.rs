//! The topology of a synchronizer: brought in as a snapshot, and asked for over all synchronizers.

use strongroom_proto::{
    topology::v30::{
        PartyToParticipant, SynchronizerTrustCertificate, TopologyMapping,
        enums::ParticipantPermission, party_to_participant::HostingParticipant,
        topology_mapping::Mapping as WireMapping,
    },
    v30::{EncryptionPublicKey, SigningPublicKey},
};
use strongroom_server::{
    Features, ServerSettings,
    contract::topology::{
        AddTransactionsRequest, BaseQuery, CreateTemporaryTopologyStoreRequest,
        ExportTopologySnapshotRequest, ExportTopologySnapshotV2Request,
        ImportTopologySnapshotRequest, ImportTopologySnapshotV2Request, ListAllV2Request,
        ListKeyOwnersRequest, ListPartiesRequest, StoreId, Synchronizer,
        base_query::TimeQuery,
        store_id::{Store, Temporary},
        synchronizer::Kind,
        topology_aggregation_service_client::TopologyAggregationServiceClient,
    },
};
use strongroom_vault::NodeKeys;
use tonic::Code;

use super::{head, identified, reader, writer, writing::proposed};
use crate::house::{House, Plan, told};

const SYNCHRONIZER: &str =
    "da::1220aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa::34-0";

fn in_store(store: Store) -> Option<BaseQuery> {
    Some(BaseQuery {
        store: Some(StoreId { store: Some(store) }),
        operation: 1,
        time_query: Some(TimeQuery::HeadState(())),
        ..BaseQuery::default()
    })
}

#[tokio::test]
async fn a_snapshot_goes_out_of_one_store_and_into_another() {
    let house = House::new().await;
    identified(&house).await;
    let export = ExportTopologySnapshotV2Request {
        base_query: head(),
        ..ExportTopologySnapshotV2Request::default()
    };
    let mut reader = reader(&house).await;
    let mut pieces = reader
        .export_topology_snapshot_v2(export)
        .await
        .unwrap()
        .into_inner();
    let mut snapshot = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        snapshot.extend(piece.chunk);
    }
    let look = || {
        Store::Temporary(Temporary {
            name: "look".to_owned(),
        })
    };
    let mut writer = writer(&house).await;
    let create = CreateTemporaryTopologyStoreRequest {
        name: "look".to_owned(),
        protocol_version: 34,
    };
    writer
        .create_temporary_topology_store(create)
        .await
        .unwrap();
    // In pieces, of which the first says where they belong.
    let pieces = snapshot.chunks(100).enumerate().map(|(number, piece)| {
        let store = StoreId {
            store: Some(look()),
        };
        ImportTopologySnapshotV2Request {
            topology_snapshot: piece.to_vec(),
            store: (number == 0).then_some(store),
            wait_to_become_effective: None,
        }
    });
    let pieces: Vec<_> = pieces.collect();
    assert!(pieces.len() > 1);
    writer
        .import_topology_snapshot_v2(tokio_stream::iter(pieces.clone()))
        .await
        .unwrap();
    let all = ListAllV2Request {
        base_query: in_store(look()),
        ..ListAllV2Request::default()
    };
    let all = reader.list_all_v2(all).await.unwrap().into_inner();
    assert_eq!(all.result.unwrap().items.len(), 2);
    // What is cut off is not taken in, nor what belongs nowhere.
    for wrong in [pieces[..1].to_vec(), pieces[1..].to_vec()] {
        let status = writer
            .import_topology_snapshot_v2(tokio_stream::iter(wrong))
            .await;
        let status = status.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
}

/// A server that sequences what comes for a synchronizer.
async fn rehearsal() -> House {
    House::planned(Plan {
        server: ServerSettings {
            features: Features {
                rehearsal_synchronizer: Some(SYNCHRONIZER.parse().unwrap()),
                ..Features::default()
            },
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await
}

/// Brings everything that the node announces to the synchronizer.
async fn announce_all(house: &House) {
    let all = ListAllV2Request {
        base_query: head(),
        ..ListAllV2Request::default()
    };
    let all = reader(house).await.list_all_v2(all).await.unwrap();
    let items = all.into_inner().result.unwrap().items.into_iter();
    let transactions = items.map(|item| {
        let signed = strongroom_proto::topology::decode_signed_transaction(&item.transaction);
        strongroom_proto::topology::signed_message(&signed.unwrap()).unwrap()
    });
    let add = AddTransactionsRequest {
        transactions: transactions.collect(),
        store: Some(StoreId {
            store: Some(Store::Synchronizer(Synchronizer {
                kind: Some(Kind::Id(logical().to_owned())),
            })),
        }),
        ..AddTransactionsRequest::default()
    };
    writer(house).await.add_transactions(add).await.unwrap();
    house.clock.advance(std::time::Duration::from_secs(1));
}

/// The id of the synchronizer without its version.
fn logical() -> &'static str {
    SYNCHRONIZER.rsplit_once("::").unwrap().0
}

#[tokio::test]
async fn owners_of_keys_are_listed_over_synchronizers_each_with_so_many_keys() {
    let house = rehearsal().await;
    let keys = identified(&house).await;
    let mut client = TopologyAggregationServiceClient::new(house.channel().await);
    let mut owners = async |limit: i32, kind: &str, synchronizers: &[&str]| {
        let request = ListKeyOwnersRequest {
            limit,
            filter_key_owner_type: kind.to_owned(),
            synchronizer_ids: synchronizers.iter().map(|id| (*id).to_owned()).collect(),
            ..ListKeyOwnersRequest::default()
        };
        let answer = client.list_key_owners(request).await;
        answer.map(|answer| answer.into_inner().results)
    };
    // The node's own store is no synchronizer.
    assert!(owners(10, "", &[]).await.unwrap().is_empty());
    announce_all(&house).await;
    let logical = logical();
    for synchronizers in [&[][..], &[logical]] {
        let found = owners(10, "PAR", synchronizers).await.unwrap();
        let [only] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(only.key_owner, keys.member.to_string());
        assert_eq!(only.physical_synchronizer_id, SYNCHRONIZER);
        let (signing, encryption): (&[SigningPublicKey], &[EncryptionPublicKey]) =
            (&only.signing_keys_v30, &only.encryption_keys);
        assert_eq!((signing.len(), encryption.len()), (2, 1));
    }
    // The limit is one for each owner.
    assert_eq!(
        owners(1, "", &[]).await.unwrap()[0].signing_keys_v30.len(),
        1
    );
    assert!(owners(10, "SEQ", &[]).await.unwrap().is_empty());
    for (limit, kind, synchronizers) in [(-1, "", &[][..]), (1, "XYZ", &[]), (1, "", &["x"])] {
        let status = owners(limit, kind, synchronizers).await.unwrap_err();
        assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
    }
}

/// A party of the node, which hosts it itself.
fn hosted(node: &NodeKeys) -> [WireMapping; 2] {
    let (participant, namespace) = (&node.member.uid, node.member.uid.namespace());
    let trust = SynchronizerTrustCertificate {
        participant_uid: participant.to_string(),
        synchronizer_id: logical().to_owned(),
        ..SynchronizerTrustCertificate::default()
    };
    let party = PartyToParticipant {
        party: format!("alice::{namespace}"),
        threshold: 1,
        participants: vec![HostingParticipant {
            participant_uid: participant.to_string(),
            permission: ParticipantPermission::Confirmation.into(),
            onboarding: None,
        }],
        ..PartyToParticipant::default()
    };
    [
        WireMapping::SynchronizerTrustCertificate(trust),
        WireMapping::PartyToParticipant(party),
    ]
}

#[tokio::test]
async fn parties_are_listed_with_who_hosts_them_where_and_may_do_what() {
    let house = rehearsal().await;
    let node = identified(&house).await;
    for mapping in hosted(&node) {
        let mapping = TopologyMapping {
            mapping: Some(mapping),
        };
        let authorized = writer(&house).await.authorize(proposed(mapping, 0)).await;
        authorized.unwrap();
    }
    let mut client = TopologyAggregationServiceClient::new(house.channel().await);
    let mut parties = async |limit: i32, party: &str, participant: &str| {
        let request = ListPartiesRequest {
            limit,
            filter_party: party.to_owned(),
            filter_participant: participant.to_owned(),
            ..ListPartiesRequest::default()
        };
        let answer = client.list_parties(request).await;
        answer.map(|answer| answer.into_inner().results)
    };
    // The node's own store is no synchronizer.
    assert!(parties(10, "", "").await.unwrap().is_empty());
    announce_all(&house).await;
    for (party, participant) in [
        ("", ""),
        ("ali", ""),
        ("alice", "participant1"),
        ("", "part"),
    ] {
        let found = parties(10, party, participant).await.unwrap();
        let [only] = found.as_slice() else {
            panic!("{party} {participant}: {found:?}");
        };
        assert!(only.party.starts_with("alice::"), "{only:?}");
        let [hosted] = only.participants.as_slice() else {
            panic!("{only:?}");
        };
        assert_eq!(hosted.participant_uid, node.member.uid.to_string());
        let [on] = hosted.synchronizers.as_slice() else {
            panic!("{hosted:?}");
        };
        assert_eq!(on.synchronizer_id, logical());
        assert_eq!(on.physical_synchronizer_id, SYNCHRONIZER);
        assert_eq!(on.permission(), ParticipantPermission::Confirmation);
    }
    for (limit, party, participant) in [(0, "", ""), (10, "bob", ""), (10, "", "other")] {
        let found = parties(limit, party, participant).await.unwrap();
        assert!(found.is_empty(), "{limit} {party} {participant}");
    }
    let status = parties(-1, "", "").await.unwrap_err();
    assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE");
}

#[expect(deprecated, reason = "clients of Canton may still use it")]
#[tokio::test]
async fn a_snapshot_of_the_first_format_is_taken_in_whole_or_not_at_all() {
    let house = House::new().await;
    identified(&house).await;
    let export = ExportTopologySnapshotRequest {
        base_query: head(),
        ..ExportTopologySnapshotRequest::default()
    };
    let pieces = reader(&house).await.export_topology_snapshot(export).await;
    let mut pieces = pieces.unwrap().into_inner();
    let mut snapshot = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        snapshot.extend(piece.chunk);
    }
    let create = CreateTemporaryTopologyStoreRequest {
        name: "look".to_owned(),
        protocol_version: 34,
    };
    let mut writer = writer(&house).await;
    let created = writer.create_temporary_topology_store(create).await;
    let store = created.unwrap().into_inner().store_id.unwrap();
    let mut import = async |bytes: &[u8], named: bool| {
        let store = StoreId {
            store: Some(Store::Temporary(store.clone())),
        };
        let piece = ImportTopologySnapshotRequest {
            topology_snapshot: bytes.to_vec(),
            store: named.then_some(store),
            wait_to_become_effective: None,
        };
        writer
            .import_topology_snapshot(tokio_stream::iter([piece]))
            .await
    };
    let count = async || {
        let all = ListAllV2Request {
            base_query: in_store(Store::Temporary(store.clone())),
            ..ListAllV2Request::default()
        };
        let all = reader(&house).await.list_all_v2(all).await.unwrap();
        all.into_inner().result.unwrap().items.len()
    };
    let half = &snapshot[..snapshot.len() / 2];
    for (bytes, named) in [(half, true), (b"garbage", true), (&snapshot[..], false)] {
        let status = import(bytes, named).await.unwrap_err();
        assert_eq!(
            told(&status).0,
            "PROTO_DESERIALIZATION_FAILURE",
            "{status:?}"
        );
    }
    assert_eq!(count().await, 0);
    import(&snapshot, true).await.unwrap();
    assert_eq!(count().await, 2);
}
