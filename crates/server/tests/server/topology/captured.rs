//! What an unmodified client of Canton sent, byte for byte.

use std::{fs, path::Path};

use bytes::Bytes;
use prost::Message as _;
use strongroom_server::{
    Features, ServerSettings,
    contract::topology::{
        AddTransactionsRequest, ListNamespaceDelegationRequest, ListNamespaceDelegationResponse,
        list_namespace_delegation_response::result::Item, store_id::Store, synchronizer::Kind,
    },
};

use super::{reader, writer};
use crate::house::{House, Plan};

/// The request bytes of the calls that were recorded, in order.
fn recorded() -> Vec<Bytes> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captured_client.json");
    let text = fs::read_to_string(path).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let calls = document["calls"].as_array().unwrap().iter();
    let bytes = calls.map(|call| {
        let hex = call["request_hex"].as_str().unwrap();
        data_encoding::HEXLOWER
            .decode(hex.as_bytes())
            .unwrap()
            .into()
    });
    bytes.collect()
}

#[tokio::test]
async fn the_example_client_adds_a_certificate_and_finds_it() {
    let recorded = recorded();
    let [add, list] = recorded.as_slice() else {
        panic!("two calls were recorded");
    };
    let add = AddTransactionsRequest::decode(add.clone()).unwrap();
    let Some(Store::Synchronizer(synchronizer)) = add.store.clone().unwrap().store else {
        panic!("it adds to a synchronizer");
    };
    let Some(Kind::Id(logical)) = synchronizer.kind else {
        panic!("it names the logical id");
    };
    let house = House::planned(Plan {
        server: ServerSettings {
            features: Features {
                rehearsal_synchronizer: Some(format!("{logical}::34-0").parse().unwrap()),
                ..Features::default()
            },
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
    writer(&house).await.add_transactions(add).await.unwrap();
    // What is effective at this very instant is not seen at it.
    house.clock.advance(std::time::Duration::from_secs(1));
    let list = ListNamespaceDelegationRequest::decode(list.clone()).unwrap();
    let wanted = list.filter_namespace.clone();
    let answer = reader(&house)
        .await
        .list_namespace_delegation(list)
        .await
        .unwrap();
    let ListNamespaceDelegationResponse { results } = answer.into_inner();
    let [only] = results.as_slice() else {
        panic!("{results:?}");
    };
    let Some(Item::V30(delegation)) = &only.item else {
        panic!("no delegation");
    };
    assert_eq!(delegation.namespace, wanted);
    // The client named only the legacy scheme; the spec follows from it.
    assert_ne!(delegation.target_key.as_ref().unwrap().key_spec, 0);
    let context = only.context.as_ref().unwrap();
    assert_eq!(context.signed_by_fingerprints, [wanted]);
}
