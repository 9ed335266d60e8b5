//! `grpc.health.v1`.

use std::time::Duration;
use strongroom_server::{Rpc, ServerSettings, access::Access};

use strongroom_store::Replicas as _;
use strongroom_test_support::store::StoreCall;
use strongroom_vault::{AuditSettings, Caller, ReplicaSettings, Settings, UseRecords};
use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{
    ending::get,
    house::{House, Plan},
    raw::call,
    stall::Stall,
    vault_service::{key, new_key},
};

async fn check(client: &mut HealthClient<Channel>, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = client
        .check(request)
        .await
        .map_err(|status| status.code())?;
    Ok(answer.into_inner().status())
}

/// Until somebody has looked for the first time.
async fn settled(client: &mut HealthClient<Channel>, service: &str, wanted: ServingStatus) {
    for _look in 0..400 {
        if check(client, service).await == Ok(wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{service:?} does not come to {wanted:?}");
}

#[tokio::test]
async fn each_service_says_whether_it_serves_to_anybody() {
    // Whoever balances load is nobody that the rules know.
    let house = House::with_access(Access::of(Vec::new())).await;
    let mut client = HealthClient::new(house.channel().await);
    for service in [
        "",
        "liveness",
        "strongroom.v1.SigningService",
        "strongroom.v1.OperationsService",
        "strongroom.v1.KeyService",
        "strongroom.v1.TopologyService",
        "com.digitalasset.canton.crypto.admin.v30.VaultService",
        "com.digitalasset.canton.topology.admin.v30.TopologyManagerReadService",
        "com.digitalasset.canton.topology.admin.v30.TopologyManagerWriteService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "crypto",
        "db-storage",
        "jce-private-crypto",
        "local-kms",
    ] {
        settled(&mut client, service, ServingStatus::Serving).await;
    }
    assert_eq!(check(&mut client, "unknown").await, Err(Code::NotFound));
}

#[tokio::test]
async fn a_replica_that_does_not_write_signs_and_one_out_of_touch_does_neither() {
    const SIGNING: &str = "strongroom.v1.SigningService";
    const CHANGES: [&str; 4] = [
        "",
        "com.digitalasset.canton.crypto.admin.v30.VaultService",
        "strongroom.v1.KeyService",
        "strongroom.v1.TopologyService",
    ];
    let settings = Settings {
        replica: ReplicaSettings {
            wait_for_lease: Duration::ZERO,
            ..ReplicaSettings::default()
        },
        ..Settings::default()
    };
    let house = House::planned(Plan {
        settings,
        shared: true,
        ..Plan::default()
    })
    .await;
    let fingerprint = key(&house.vault, "one").await;
    let mut client = HealthClient::new(house.channel().await);
    for service in CHANGES.into_iter().chain([SIGNING]) {
        settled(&mut client, service, ServingStatus::Serving).await;
    }
    let (shared, handle) = house.shared.as_ref().unwrap();
    handle.fall_silent(true);
    let other = shared.handle("other");
    other.take_lease().await.unwrap();
    // Whoever wants to write finds out that another one does.
    let caller = Caller::new("test");
    let deleted = house.vault.delete_key(&caller, &fingerprint).await;
    deleted.unwrap_err();
    for service in CHANGES {
        settled(&mut client, service, ServingStatus::NotServing).await;
    }
    settled(&mut client, SIGNING, ServingStatus::Serving).await;
    handle.cut_off(true);
    house.clock.advance(Duration::from_secs(31));
    for service in CHANGES.into_iter().chain([SIGNING]) {
        settled(&mut client, service, ServingStatus::NotServing).await;
    }
    settled(&mut client, "liveness", ServingStatus::Serving).await;
}

/// Each use would be refused: the one that writes keeps the records.
#[tokio::test]
async fn a_replica_that_does_not_write_does_not_serve_signing_where_uses_are_on_record() {
    const SIGNING: &str = "strongroom.v1.SigningService";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let watched = listener.local_addr().unwrap();
    let house = House::planned(Plan {
        settings: Settings {
            audit: AuditSettings {
                uses: UseRecords::Batched,
                ..AuditSettings::default()
            },
            replica: ReplicaSettings {
                wait_for_lease: Duration::ZERO,
                ..ReplicaSettings::default()
            },
            ..Settings::default()
        },
        server: ServerSettings {
            http: Some(listener),
            ..ServerSettings::default()
        },
        shared: true,
        ..Plan::default()
    })
    .await;
    let fingerprint = key(&house.vault, "one").await;
    let mut client = HealthClient::new(house.channel().await);
    settled(&mut client, SIGNING, ServingStatus::Serving).await;
    assert!(get(watched, "/readyz").await.contains(" 200 "));
    let (shared, handle) = house.shared.as_ref().unwrap();
    handle.fall_silent(true);
    shared.handle("other").take_lease().await.unwrap();
    let caller = Caller::new("test");
    let deleted = house.vault.delete_key(&caller, &fingerprint).await;
    deleted.unwrap_err();
    settled(&mut client, SIGNING, ServingStatus::NotServing).await;
    let told = get(watched, "/readyz").await;
    assert!(
        told.contains(" 503 ") && told.contains("uses of keys are on record"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_disk_is_full_says_so_and_signs_on_where_uses_leave_no_record() {
    const SIGNING: &str = "strongroom.v1.SigningService";
    for (uses, signs, ready) in [
        (UseRecords::Each, ServingStatus::NotServing, " 503 "),
        (UseRecords::Off, ServingStatus::Serving, " 200 "),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let watched = listener.local_addr().unwrap();
        let disk = Stall::of(StoreCall::AppendAudit);
        let house = House::planned(Plan {
            settings: Settings {
                audit: AuditSettings {
                    uses,
                    ..AuditSettings::default()
                },
                ..Settings::default()
            },
            server: ServerSettings {
                http: Some(listener),
                ..ServerSettings::default()
            },
            stall: Some(disk.clone()),
            ..Plan::default()
        })
        .await;
        let mut client = HealthClient::new(house.channel().await);
        for service in ["", SIGNING, "db-storage"] {
            settled(&mut client, service, ServingStatus::Serving).await;
        }
        disk.fill(true);
        let (caller, new) = (Caller::new("test"), new_key("one"));
        let made = house.vault.generate_signing_key(&caller, new).await;
        made.unwrap_err();
        for service in ["", "db-storage"] {
            settled(&mut client, service, ServingStatus::NotServing).await;
        }
        settled(&mut client, SIGNING, signs).await;
        let told = get(watched, "/readyz").await;
        assert!(told.contains(ready), "{told}");
        let told = get(watched, "/health").await;
        assert!(
            told.contains(" 503 ") && told.contains("STORE_FULL"),
            "{told}"
        );
        disk.fill(false);
        key(&house.vault, "two").await;
        for service in ["", SIGNING, "db-storage"] {
            settled(&mut client, service, ServingStatus::Serving).await;
        }
        assert!(get(watched, "/readyz").await.contains(" 200 "));
    }
}

/// Whoever balances load would otherwise take every replica away as soon as the database is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_lost_the_database_is_ready_for_as_long_as_it_uses_keys() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let watched = listener.local_addr().unwrap();
    let house = House::planned(Plan {
        shared: true,
        server: ServerSettings {
            http: Some(listener),
            ..ServerSettings::default()
        },
        ..Plan::default()
    })
    .await;
    let status = async |path| {
        let answer = get(watched, path).await;
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(
        [status("/readyz").await, status("/health").await],
        ["200", "200"]
    );
    let (_shared, handle) = house.shared.as_ref().unwrap();
    handle.cut_off(true);
    house.vault.catch_up().await.unwrap_err();
    assert_eq!(
        [status("/readyz").await, status("/health").await],
        ["200", "503"]
    );
    house.clock.advance(Duration::from_secs(31));
    assert_eq!(status("/readyz").await, "503");
}

/// The contract of the library that serves it does not have it, so reflection does not say so either.
#[tokio::test]
async fn a_list_of_every_service_is_not_served() {
    let house = House::new().await;
    let listed = call(&house.channel().await, Rpc::HealthList.path(), None).await;
    assert_eq!(listed.unwrap_err().code(), Code::Unimplemented);
}
