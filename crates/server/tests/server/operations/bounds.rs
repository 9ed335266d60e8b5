//! How many at the same time read all of the audit log, or look the vault over.

use std::time::Duration;

use prost::Message as _;
use strongroom_server::contract::strongroom::{
    CheckWrapsRequest, ExamineRequest, ExportAuditRequest, ImportSnapshotRequest, ListAuditRequest,
    ShowReplicaRequest,
};
use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Role},
};
use strongroom_test_support::store::StoreCall;
use tokio::net::TcpStream;
use tonic::{Code, Status};

use super::{client, to_the_end};
use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::{HalfCaller, send, with_token},
    stall::Stall,
    topology::identified,
    vault_service::key,
};

/// A server whose store can be stalled.
async fn stalled() -> (House, Stall) {
    let stall = Stall::of(StoreCall::AuditAfter);
    let house = House::planned(Plan {
        stall: Some(stall.clone()),
        ..Plan::default()
    })
    .await;
    key(&house.vault, "one").await;
    stall.close();
    (house, stall)
}

async fn export(house: &House) -> Result<usize, Status> {
    let exported = client(house)
        .await
        .export_audit(ExportAuditRequest {})
        .await;
    to_the_end(exported?.into_inner()).await.map(|it| it.len())
}

async fn examine(house: &House) -> Result<usize, Status> {
    let examined = client(house).await.examine(ExamineRequest {}).await;
    to_the_end(examined?.into_inner()).await.map(|it| it.len())
}

fn is_busy(refused: &Status) {
    assert_eq!(told(refused).0, "SERVER_BUSY");
    // What is used up by others: it may be asked for again.
    assert_eq!(refused.code(), Code::Aborted);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_exports_of_the_audit_log_two_are_under_way_and_the_next_is_refused_at_once() {
    let (house, stall) = stalled().await;
    let two = async { tokio::join!(export(&house), export(&house)) };
    let later = async {
        stall.holds(2).await;
        // Whoever only lists waits for a while, and everybody else is served.
        let mut other = client(&house).await;
        let mut lists = other.clone();
        let listing =
            tokio::spawn(async move { lists.list_audit(ListAuditRequest::default()).await });
        other.show_replica(ShowReplicaRequest {}).await.unwrap();
        // Were it to wait as long, the other one would be refused before it.
        let refused = tokio::time::timeout(Duration::from_secs(60), export(&house)).await;
        is_busy(
            &refused
                .expect("an answer while the others go on")
                .unwrap_err(),
        );
        assert!(!listing.is_finished());
        stall.open();
        listing.await.unwrap().unwrap()
    };
    let ((first, second), listed) = tokio::join!(two, later);
    assert!(first.unwrap() > 1 && second.unwrap() > 1);
    assert!(!listed.into_inner().records.is_empty());
    assert!(export(&house).await.is_ok(), "the places are free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_examinations_two_are_under_way_and_the_next_waits_for_a_while() {
    let (house, stall) = stalled().await;
    let two = async { tokio::join!(examine(&house), examine(&house)) };
    let later = async {
        stall.holds(2).await;
        let mut other = client(&house).await;
        let checking = tokio::spawn(async move { other.check_wraps(CheckWrapsRequest {}).await });
        is_busy(&examine(&house).await.unwrap_err());
        // To try every wrap is as dear.
        is_busy(&checking.await.unwrap().unwrap_err());
        let mut other = client(&house).await;
        let waiting = tokio::spawn(async move { other.check_wraps(CheckWrapsRequest {}).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        stall.open();
        waiting.await.unwrap().unwrap()
    };
    let ((first, second), checked) = tokio::join!(two, later);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(checked.into_inner().wraps.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_has_half_of_the_places_and_another_is_let_in_at_once() {
    let issuer = TokenIssuer::new();
    let rule = |name: &str| CallerRule {
        name: name.to_owned(),
        identities: vec![Identity::token(name)],
        grants: vec![Grant::role(Role::Auditor)],
        rate_limit: None,
    };
    let stall = Stall::of(StoreCall::AuditAfter);
    let house = House::planned(Plan {
        server: ServerSettings {
            access: Access::of(vec![rule("one"), rule("other")]),
            tokens: tokens(vec![issuer.service()]),
            ..ServerSettings::default()
        },
        stall: Some(stall.clone()),
        ..Plan::default()
    })
    .await;
    stall.close();
    let export = async |name: &str| {
        let request = with_token(ExportAuditRequest {}, Some(&issuer.token(name)));
        let exported = client(&house).await.export_audit(request).await;
        to_the_end(exported?.into_inner()).await.map(|it| it.len())
    };
    let later = async {
        stall.holds(1).await;
        // One that was let in would be held.
        let refused = tokio::time::timeout(Duration::from_secs(60), export("one"));
        is_busy(&refused.await.unwrap().unwrap_err());
        let (other, ()) = tokio::join!(export("other"), async {
            stall.holds(2).await;
            stall.open();
        });
        other
    };
    let (first, other) = tokio::join!(export("one"), later);
    assert!(first.unwrap() > 1 && other.unwrap() > 1);
    assert!(export("one").await.is_ok(), "the place is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_of_which_nothing_comes_take_no_place() {
    let house = House::new().await;
    identified(&house).await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut silent = HalfCaller::over(stream).await;
    let mut begun = Vec::new();
    for path in [
        Rpc::TopologyServiceImportSnapshot.path(),
        Rpc::TopologyManagerWriteServiceImportTopologySnapshot.path(),
        Rpc::TopologyManagerWriteServiceImportTopologySnapshotV2.path(),
    ] {
        begun.push(tokio::spawn(silent.begin(path, &[])));
    }
    // The server has them: it answers what came later on the same connection.
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    let later = silent.begin(path, &[("grpc-timeout", "100m")]).await;
    assert_eq!(later.unwrap()["grpc-status"], "4");
    let whole = ImportSnapshotRequest {
        store: "authorized".to_owned(),
        chunk: Vec::new(),
        last: true,
    };
    let path = Rpc::TopologyServiceImportSnapshot.path();
    let imported = send(&house.channel().await, path, whole.encode_to_vec()).await;
    let code = imported.err().map(|status| told(&status).0);
    assert_ne!(code.as_deref(), Some("SERVER_BUSY"));
    assert!(begun.iter().all(|silent| !silent.is_finished()));
}
