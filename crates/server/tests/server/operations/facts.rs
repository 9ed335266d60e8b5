//! What the vault finds out about itself, over the network.

use strongroom_server::{
    ServerSettings,
    contract::strongroom::{
        ExamineRequest, Finding, ShowConfigurationRequest, ShowNumbersRequest, examine_event::Event,
    },
};

use super::{client, to_the_end, with_many_keys};
use crate::house::{House, Plan};

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
    assert_eq!(status.unwrap_err().code(), tonic::Code::Unimplemented);
}
