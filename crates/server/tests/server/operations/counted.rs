//! How long work is counted.

use std::{net::SocketAddr, time::Duration};

use strongroom_crypto::Fingerprint;
use strongroom_server::{
    Rpc, ServerSettings,
    contract::strongroom::{
        Custody, ExamineRequest, ExportAuditRequest, FollowAuditRequest, KeySelection,
        MigrateKeysRequest, Place,
    },
};
use strongroom_test_support::store::StoreCall;
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;

use super::{client, to_the_end};
use crate::{
    ending::get,
    house::{House, Plan},
    raw::HalfCaller,
    stall::Stall,
};

/// A server, and where its numbers are.
async fn watched(stall: Option<Stall>) -> (House, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = ServerSettings {
        http: Some(listener),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        stall,
        ..Plan::default()
    })
    .await;
    (house, address)
}

/// Waits until calls of this rpc are counted, and says how.
async fn counted(watched: SocketAddr, rpc: Rpc) -> Vec<String> {
    let name = rpc.path().trim_start_matches('/');
    let wanted = format!("strongroom_grpc_calls_total{{rpc=\"{name}\",");
    for _look in 0..400 {
        let numbers = get(watched, "/metrics").await;
        let lines = numbers.lines().filter_map(|it| it.strip_prefix(&wanted));
        let lines: Vec<_> = lines.map(str::to_owned).collect();
        // The one that succeeded is there with 0 once another was counted.
        if lines.iter().any(|it| !it.ends_with(" 0")) {
            return lines.into_iter().filter(|it| !it.ends_with(" 0")).collect();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no call of {name} is counted");
}

#[tokio::test]
async fn long_work_is_counted_as_it_ended() {
    let (house, watched) = watched(None).await;
    let mut client = client(&house).await;
    let request = MigrateKeysRequest {
        keys: Some(KeySelection {
            fingerprints: vec![Fingerprint::from_bytes([7; 32]).to_string()],
            all: false,
        }),
        from: 0,
        to: Some(Place {
            custody: Custody::Envelope.into(),
            kms: String::new(),
        }),
    };
    // Its headers say nothing of that.
    let answer = client.migrate_keys(request).await.unwrap();
    let status = to_the_end(answer.into_inner()).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let failed = counted(watched, Rpc::OperationsServiceMigrateKeys).await;
    assert_eq!(failed, ["code=\"NOT_FOUND\"} 1"]);

    let answer = client.examine(ExamineRequest::default()).await.unwrap();
    to_the_end(answer.into_inner()).await.unwrap();
    let done = counted(watched, Rpc::OperationsServiceExamine).await;
    assert_eq!(done, ["code=\"OK\"} 1"]);
}

#[tokio::test]
async fn a_stream_that_its_caller_leaves_is_counted_as_called_off() {
    let (house, watched) = watched(None).await;
    let mut client = client(&house).await;
    let follow = client.follow_audit(FollowAuditRequest::default()).await;
    let mut records = follow.unwrap().into_inner();
    records.message().await.unwrap().unwrap();
    drop(records);
    let left = counted(watched, Rpc::OperationsServiceFollowAudit).await;
    assert_eq!(left, ["code=\"CANCELLED\"} 1"]);
}

/// Begins a call, and leaves when the server has it: it answers what comes later on the same connection.
async fn leave<A: Send + 'static>(
    caller: &mut HalfCaller,
    call: impl Future<Output = A> + Send + 'static,
) {
    let call = tokio::spawn(call);
    let later = caller.begin(Rpc::HealthCheck.path(), &[("grpc-timeout", "100m")]);
    assert_eq!(later.await.unwrap()["grpc-status"], "4");
    call.abort();
}

#[tokio::test]
async fn a_call_whose_caller_leaves_before_the_message_is_there_is_counted_as_called_off() {
    let (house, watched) = watched(None).await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    let rpc = Rpc::VaultServiceGenerateSigningKey;
    let call = caller.begin(rpc.path(), &[]);
    leave(&mut caller, call).await;
    assert_eq!(counted(watched, rpc).await, ["code=\"CANCELLED\"} 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_caller_leaves_before_it_is_answered_is_counted_as_called_off() {
    let stall = Stall::of(StoreCall::AuditAfter);
    let (house, watched) = watched(Some(stall.clone())).await;
    stall.close();
    let mut exports = Vec::new();
    for _place in 0..2 {
        let mut client = client(&house).await;
        exports.push(tokio::spawn(async move {
            let events = client.export_audit(ExportAuditRequest {}).await.unwrap();
            to_the_end(events.into_inner()).await
        }));
    }
    stall.holds(2).await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    let rpc = Rpc::OperationsServiceListAudit;
    // It waits for a place.
    let call = caller.call(rpc.path(), &[], Vec::new());
    leave(&mut caller, call).await;
    assert_eq!(counted(watched, rpc).await, ["code=\"CANCELLED\"} 1"]);
    stall.open();
    for export in exports {
        export.await.unwrap().unwrap();
    }
}
