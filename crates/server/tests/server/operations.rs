//! `strongroom.v1.OperationsService`.

mod approvals;
mod backups;
mod bounds;
mod counted;
mod custody;
mod facts;
mod following;
mod long_work;
mod named_rotation;
mod node_keys;
mod wrapper_keys;
mod wraps;

use strongroom_crypto::{KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_server::contract::strongroom::{
    ListAuditRequest, ListReplicasRequest, ShowReplicaRequest, StepDownRequest,
    operations_service_client::OperationsServiceClient,
};
use strongroom_vault::{Caller, NewSigningKey};
use tonic::{Response, Status, Streaming, transport::Channel};

pub(crate) use self::backups::{RECIPIENT, is_forgotten};
use crate::{
    house::{House, told},
    vault_service::key,
};

async fn client(house: &House) -> OperationsServiceClient<Channel> {
    OperationsServiceClient::new(house.channel().await)
}

/// Every event, the last one at the end.
async fn to_the_end<E>(mut events: Streaming<E>) -> Result<Vec<E>, Status> {
    let mut told = Vec::new();
    while let Some(event) = events.message().await? {
        told.push(event);
    }
    Ok(told)
}

async fn with_many_keys(number: usize) -> House {
    let house = House::new().await;
    many_keys(&house, number).await;
    house
}

pub(crate) async fn many_keys(house: &House, number: usize) {
    let new = NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: KeyUsages::only(KeyUsage::Protocol),
        name: None,
    };
    let keys = vec![new; number];
    let caller = Caller::new("test");
    let made = house.vault.generate_signing_keys(&caller, keys);
    made.await.unwrap();
}

#[tokio::test]
async fn the_audit_log_is_read_in_parts_and_verified() {
    let house = House::new().await;
    for name in ["one", "two", "three"] {
        key(&house.vault, name).await;
    }
    let mut client = client(&house).await;
    let mut list = async |after: u64, limit: u32| {
        let request = ListAuditRequest {
            after,
            limit,
            ..ListAuditRequest::default()
        };
        client.list_audit(request).await.unwrap().into_inner()
    };
    let all = list(0, 0).await;
    assert_eq!(all.verified, all.records.len() as u64);
    let sequences: Vec<_> = all.records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (1..=all.verified).collect::<Vec<_>>());
    let last = all.records.last().unwrap();
    assert_eq!(
        (last.caller.as_str(), last.outcome.as_str()),
        ("test", "done")
    );
    assert_eq!(last.details["name"], "three");
    let part = list(1, 2).await;
    assert_eq!(part.records, all.records[1..3]);
    assert!(list(all.verified, 10).await.records.is_empty());
}

#[tokio::test]
async fn later_pages_of_the_audit_log_cost_what_they_hold_and_follow_on_the_one_before() {
    let house = House::new().await;
    many_keys(&house, 30).await;
    let mut client = client(&house).await;
    let mut list = async |page_token: &str| {
        let request = ListAuditRequest {
            limit: 7,
            page_token: page_token.to_owned(),
            ..ListAuditRequest::default()
        };
        client.list_audit(request).await.map(Response::into_inner)
    };
    // The first answer verifies all of it, or, from the place before everything, what it holds.
    let first = list("").await.unwrap();
    assert_eq!(first.verified, 31);
    let beginning = format!("0:{}", "0".repeat(64));
    let cheap = list(&beginning).await.unwrap();
    assert_eq!((cheap.verified, &cheap.records), (7, &first.records));
    assert_eq!(cheap.next_page_token, first.next_page_token);
    let (mut token, mut seen) = (first.next_page_token, first.records);
    while !token.is_empty() {
        let page = list(&token).await.unwrap();
        assert!(page.records.len() <= 7);
        assert_eq!(page.records[0].sequence, seen.len() as u64 + 1);
        seen.extend(page.records);
        assert_eq!(page.verified, seen.len() as u64);
        if page.next_page_token.is_empty() {
            assert_eq!(
                page.head, first.head,
                "the last page ends where the log does"
            );
        }
        token = page.next_page_token;
    }
    assert_eq!(seen.len(), 31);
    // A place that the log does not have, and what is no place.
    let other = format!("7:{}", "0".repeat(64));
    let beyond = format!("900:{}", "0".repeat(64));
    for token in [other.as_str(), &beyond, "7", "x:y"] {
        let status = list(token).await.unwrap_err();
        assert_eq!(told(&status).0, "PROTO_DESERIALIZATION_FAILURE", "{token}");
    }
}

#[tokio::test]
async fn a_process_that_is_alone_says_so_and_has_nobody_to_leave_writing_to() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let standing = client
        .show_replica(ShowReplicaRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(standing.role, "alone");
    assert!(standing.in_touch && standing.degraded.is_empty());
    let listed = client.list_replicas(ListReplicasRequest {}).await;
    let listed = listed.unwrap().into_inner();
    assert!(!listed.shared && listed.replicas.is_empty());
    client.step_down(StepDownRequest {}).await.unwrap();
    key(&house.vault, "still").await;
}
