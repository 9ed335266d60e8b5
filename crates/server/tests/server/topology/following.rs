//! The topology of a synchronizer: brought in as a snapshot, and asked for over all synchronizers.

use strongroom_proto::v30::{EncryptionPublicKey, SigningPublicKey};
use strongroom_server::{
    Features, ServerSettings,
    contract::topology::{
        AddTransactionsRequest, BaseQuery, CreateTemporaryTopologyStoreRequest,
        ExportTopologySnapshotV2Request, ImportTopologySnapshotV2Request, ListAllV2Request,
        ListKeyOwnersRequest, ListPartiesRequest, StoreId, Synchronizer,
        base_query::TimeQuery,
        store_id::{Store, Temporary},
        synchronizer::Kind,
        topology_aggregation_service_client::TopologyAggregationServiceClient,
    },
};
use tonic::Code;

use super::{head, identified, reader, writer};
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

#[tokio::test]
async fn owners_of_keys_are_listed_over_synchronizers_each_with_so_many_keys() {
    let house = House::planned(Plan {
        server: ServerSettings {
            features: Features {
                rehearsal_synchronizer: Some(SYNCHRONIZER.parse().unwrap()),
                ..Features::default()
            },
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
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
    let all = ListAllV2Request {
        base_query: head(),
        ..ListAllV2Request::default()
    };
    let all = reader(&house)
        .await
        .list_all_v2(all)
        .await
        .unwrap()
        .into_inner();
    let transactions = all.result.unwrap().items.into_iter().map(|item| {
        let signed = strongroom_proto::topology::decode_signed_transaction(&item.transaction);
        strongroom_proto::topology::signed_message(&signed.unwrap()).unwrap()
    });
    let (logical, _version) = SYNCHRONIZER.rsplit_once("::").unwrap();
    let add = AddTransactionsRequest {
        transactions: transactions.collect(),
        store: Some(StoreId {
            store: Some(Store::Synchronizer(Synchronizer {
                kind: Some(Kind::Id(logical.to_owned())),
            })),
        }),
        ..AddTransactionsRequest::default()
    };
    writer(&house).await.add_transactions(add).await.unwrap();
    house.clock.advance(std::time::Duration::from_secs(1));
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
    let mut client = TopologyAggregationServiceClient::new(house.channel().await);
    let parties = client
        .list_parties(ListPartiesRequest::default())
        .await
        .unwrap();
    assert!(parties.into_inner().results.is_empty());
}
