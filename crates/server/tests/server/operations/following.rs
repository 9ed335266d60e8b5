//! `FollowAudit` and `ShowAuditKey`.

use std::time::Duration;

use strongroom_server::contract::strongroom::{
    AuditRecord, FollowAuditEvent, FollowAuditRequest, ListAuditRequest, ShowAuditKeyRequest,
};
use tonic::{Code, Status, Streaming};

use super::{client, many_keys};
use crate::{
    house::{House, told},
    vault_service::key,
};

const WITHIN: Duration = Duration::from_secs(30);

async fn next(
    events: &mut Streaming<FollowAuditEvent>,
) -> Result<Option<FollowAuditEvent>, Status> {
    let event = tokio::time::timeout(WITHIN, events.message());
    event.await.expect("something is told")
}

/// So many records, whatever events they come in.
async fn records(events: &mut Streaming<FollowAuditEvent>, wanted: usize) -> Vec<AuditRecord> {
    let mut records = Vec::new();
    while records.len() < wanted {
        let event = next(events).await.unwrap().unwrap();
        assert!(!event.records.is_empty() && event.seen == 0);
        records.extend(event.records);
    }
    records
}

#[tokio::test]
async fn whoever_follows_hears_of_every_record_behind_those_that_are_there_and_of_none_twice() {
    let house = House::new().await;
    key(&house.vault, "before").await;
    let mut client = client(&house).await;
    let mut events = client
        .follow_audit(FollowAuditRequest {})
        .await
        .unwrap()
        .into_inner();
    let seen = next(&mut events).await.unwrap().unwrap();
    assert!(seen.records.is_empty());
    key(&house.vault, "one").await;
    let one = records(&mut events, 1).await;
    // More than one event takes.
    many_keys(&house, 250).await;
    let many = records(&mut events, 250).await;
    let request = ListAuditRequest {
        after: seen.seen,
        limit: 1000,
        page_token: String::new(),
    };
    let listed = client.list_audit(request).await.unwrap().into_inner();
    assert_eq!([one, many].concat(), listed.records);
    assert_eq!(listed.records[0].sequence, seen.seen + 1);
}

#[tokio::test]
async fn whoever_follows_is_not_waited_for_when_the_server_ends() {
    let mut house = House::new().await;
    let mut client = client(&house).await;
    let mut events = client
        .follow_audit(FollowAuditRequest {})
        .await
        .unwrap()
        .into_inner();
    next(&mut events).await.unwrap().unwrap();
    house.end();
    let status = next(&mut events).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    // Sooner than calls that are under way are given up.
    let ended = tokio::time::timeout(Duration::from_secs(15), house.ended());
    ended.await.expect("the server ends");
}

#[tokio::test]
async fn so_many_follow_at_once_and_a_place_is_free_when_one_goes() {
    let house = House::new().await;
    let mut client = client(&house).await;
    let mut all = Vec::new();
    let refused = loop {
        match client.follow_audit(FollowAuditRequest {}).await {
            Ok(events) => all.push(events),
            Err(status) => break status,
        }
        assert!(all.len() < 100, "nobody is refused");
    };
    assert_eq!(told(&refused).0, "SERVER_BUSY");
    // Others read the log meanwhile.
    let listed = client.list_audit(ListAuditRequest::default()).await;
    listed.unwrap();
    all.pop();
    let again = async {
        while client.follow_audit(FollowAuditRequest {}).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let again = tokio::time::timeout(WITHIN, again);
    again.await.expect("a place is free");
}

#[tokio::test]
async fn the_audit_key_is_told_as_the_vault_has_it() {
    let house = House::new().await;
    let key = house.vault.audit_key().unwrap();
    let mut client = client(&house).await;
    let shown = client.show_audit_key(ShowAuditKeyRequest {}).await;
    let shown = shown.unwrap().into_inner();
    assert_eq!(shown.fingerprint, key.fingerprint().to_string());
    assert_eq!(shown.public_key, key.to_pem());
}
