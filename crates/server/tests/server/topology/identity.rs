use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_proto::topology::v30::SignedTopologyTransaction;
use strongroom_server::{
    Features, ServerSettings,
    contract::topology::{
        CurrentTimeRequest, GetIdRequest, InitIdRequest, ListAllV2Request,
        identity_initialization_service_client::IdentityInitializationServiceClient,
    },
};
use strongroom_vault::{Caller, NewSigningKey};
use tonic::{Code, transport::Channel};

use super::{head, identified, reader};
use crate::house::{House, Plan};

async fn by_hand() -> House {
    House::planned(Plan {
        server: ServerSettings {
            features: Features {
                identity_by_hand: true,
                ..Features::default()
            },
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await
}

async fn client(house: &House) -> IdentityInitializationServiceClient<Channel> {
    IdentityInitializationServiceClient::new(house.channel().await)
}

async fn namespace_key(house: &House) -> Fingerprint {
    let new = NewSigningKey {
        spec: SigningKeySpec::EcP384,
        usages: KeyUsages::only(KeyUsage::Namespace),
        name: Some("any".parse().unwrap()),
    };
    let made = house
        .vault
        .generate_signing_key(&Caller::new("test"), new)
        .await;
    made.unwrap().fingerprint()
}

async fn refused(house: &House, request: InitIdRequest) -> String {
    let status = client(house).await.init_id(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert!(status.details().is_empty());
    status.message().to_owned()
}

fn init(identifier: &str, namespace: impl ToString) -> InitIdRequest {
    InitIdRequest {
        identifier: identifier.to_owned(),
        namespace: namespace.to_string(),
        namespace_delegations: Vec::new(),
    }
}

#[tokio::test]
async fn a_node_gets_its_identity_once() {
    let house = by_hand().await;
    let mut client = client(&house).await;
    let before = client.get_id(GetIdRequest {}).await.unwrap().into_inner();
    assert!(!before.initialized && before.unique_identifier.is_empty());
    let root = namespace_key(&house).await;
    client.init_id(init("node", root)).await.unwrap();
    let after = client.get_id(GetIdRequest {}).await.unwrap().into_inner();
    assert_eq!(after.unique_identifier, format!("node::{root}"));
    // Keys, root certificate and mapping are there.
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
    assert_eq!(all.result.unwrap().items.len(), 2);
    let text = refused(&house, init("other", root)).await;
    assert_eq!(
        text,
        format!("Node is already initialised with node::{root}")
    );
}

#[tokio::test]
async fn a_server_that_is_not_told_to_gives_no_identity() {
    let house = House::new().await;
    let text = refused(&house, init("node", "")).await;
    let wanted = "Node configuration does not allow for a manual node initialization via API";
    assert_eq!(text, wanted);
}

#[tokio::test]
async fn what_does_not_make_an_identity_is_told_as_canton_tells_it() {
    let house = by_hand().await;
    let other = House::new().await;
    let foreign = identified(&other).await;
    // The certificates of a node whose keys are not here.
    let all = ListAllV2Request {
        base_query: head(),
        ..ListAllV2Request::default()
    };
    let all = reader(&other)
        .await
        .list_all_v2(all)
        .await
        .unwrap()
        .into_inner();
    let certificates = all.result.unwrap().items.into_iter().map(|item| {
        let signed = strongroom_proto::topology::decode_signed_transaction(&item.transaction);
        strongroom_proto::topology::signed_message(&signed.unwrap()).unwrap()
    });
    let certificates: Vec<SignedTopologyTransaction> = certificates.collect();
    let with = |certificates: &[SignedTopologyTransaction], namespace: &str| InitIdRequest {
        namespace_delegations: certificates.to_vec(),
        ..init("node", namespace)
    };
    let own = namespace_key(&house).await.to_string();
    let unknown = format!("1220{}", "ab".repeat(32));
    for (request, text) in [
        (init("node", ""), "No namespace or certificate provided"),
        (
            init("node", &unknown),
            "No signing key found locally for the provided namespace.",
        ),
        (
            with(&certificates, ""),
            "Expected only namespace delegations, found OWNER_TO_KEY_MAPPING",
        ),
        (with(&certificates[..1], &own), "Provided namespace '"),
        (
            with(&certificates[..1], ""),
            "No signing key found locally for the provided namespace.",
        ),
        (init("", &own), ""),
    ] {
        let told = refused(&house, request).await;
        assert!(told.starts_with(text), "{told}");
    }
    assert!(house.vault.identity().is_none());
    assert_eq!(foreign.member.uid.identifier(), "participant1");
}

#[tokio::test]
async fn the_time_is_told_in_microseconds() {
    let house = House::new().await;
    let answer = client(&house)
        .await
        .current_time(CurrentTimeRequest {})
        .await;
    let told = answer.unwrap().into_inner().current_time;
    assert_eq!(told, house.vault.current_time().as_micros());
}
