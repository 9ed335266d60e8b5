//! What the vault finds out about itself, over the network.

use std::time::Duration;

use strongroom_server::{
    ServerSettings,
    access::{Access, Grant, Operation},
    contract::strongroom::{
        ExamineRequest, Finding, ShowConfigurationRequest, ShowNumbersRequest, examine_event::Event,
    },
};

use strongroom_test_support::store::StoreCall;
use tonic::Code;

use super::{client, to_the_end, with_many_keys};
use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, granted, tokens},
    raw::with_token,
    stall::Stall,
};

async fn findings(house: &House) -> (Vec<Finding>, usize) {
    let events = client(house).await.examine(ExamineRequest {}).await;
    let mut events = to_the_end(events.unwrap().into_inner()).await.unwrap();
    let Some(Event::Done(done)) = events.pop().unwrap().event else {
        panic!("{events:?}");
    };
    assert_eq!(done.vault_id, house.vault.id().to_string());
    assert_eq!(done.keys, house.vault.key_count() as u64);
    (done.findings, events.len())
}

#[tokio::test]
async fn a_vault_is_looked_over_and_tells_how_far_it_is() {
    let house = with_many_keys(250).await;
    let (findings, on_the_way) = findings(&house).await;
    assert_eq!(on_the_way, 2);
    assert!(
        findings.iter().all(|it| it.severity != "failed"),
        "{findings:?}"
    );
    let detail = |name: &str| {
        let found = findings.iter().find(|it| it.name == name);
        let found = found.unwrap_or_else(|| panic!("no {name}: {findings:?}"));
        (found.severity.as_str(), found.detail.as_str())
    };
    assert_eq!(
        detail("keys"),
        ("ok", "250 private keys open and fit their public halves")
    );
    assert_eq!(detail("wrap").0, "ok");
    assert_eq!(detail("anchor").0, "warning");
    assert_eq!(detail("backup").0, "warning");
}

#[tokio::test]
async fn numbers_are_told_as_monitoring_reads_them() {
    let house = with_many_keys(3).await;
    let mut client = client(&house).await;
    for ask in [false, true] {
        let told = client.show_numbers(ShowNumbersRequest { ask }).await;
        let metrics = told.unwrap().into_inner().metrics;
        let keys = "strongroom_private_keys{custody=\"envelope\",state=\"active\"} 3";
        assert!(metrics.contains(keys), "{metrics}");
        assert!(
            metrics.contains("strongroom_break_glass_unacknowledged 0"),
            "{metrics}"
        );
    }
}

#[tokio::test]
async fn the_configuration_that_the_server_was_started_with_is_shown() {
    let server = ServerSettings {
        configuration: Some("[server]\n".to_owned()),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let shown = client(&house)
        .await
        .show_configuration(ShowConfigurationRequest {})
        .await;
    assert_eq!(shown.unwrap().into_inner().configuration, "[server]\n");
    let house = House::new().await;
    let status = client(&house)
        .await
        .show_configuration(ShowConfigurationRequest {})
        .await;
    assert_eq!(status.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn whoever_has_a_kms_asked_for_numbers_may_check_wraps() {
    let issuer = TokenIssuer::new();
    let rule = |name, grants: &[Operation]| granted(name, Grant::of(grants.iter().copied()));
    let server = ServerSettings {
        access: Access::of(vec![
            rule("looks", &[Operation::Status]),
            rule("asks", &[Operation::Status, Operation::WrapperKeysCheck]),
        ]),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let mut client = client(&house).await;
    let mut show = async |by: &str, ask| {
        let request = with_token(ShowNumbersRequest { ask }, Some(&issuer.token(by)));
        client.show_numbers(request).await
    };
    show("looks", false).await.unwrap();
    let refused = show("looks", true).await.unwrap_err();
    assert_eq!(told(&refused).0, "PERMISSION_DENIED");
    show("asks", true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_for_which_a_kms_is_asked_wait_for_a_place_among_examinations() {
    let stall = Stall::of(StoreCall::AuditAfter);
    let house = House::planned(Plan {
        stall: Some(stall.clone()),
        ..Plan::default()
    })
    .await;
    stall.close();
    let show = async |ask| {
        let mut client = client(&house).await;
        client.show_numbers(ShowNumbersRequest { ask }).await
    };
    let examine = async || {
        let events = client(&house).await.examine(ExamineRequest {}).await;
        to_the_end(events.unwrap().into_inner()).await.unwrap()
    };
    let later = async {
        stall.holds(2).await;
        show(false).await.unwrap();
        let asking = tokio::time::timeout(Duration::from_millis(300), show(true));
        assert!(asking.await.is_err(), "it has a place beside two others");
        stall.open();
    };
    tokio::join!(examine(), examine(), later);
    show(true).await.unwrap();
}
