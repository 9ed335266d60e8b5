//! What strangers may ask, whether the server is well, does not keep others out.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use strongroom_server::{Rpc, ServerSettings};
use tokio::net::TcpStream;
use tonic::{Code, Streaming, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};

use super::{house, server};
use crate::{
    house::House,
    raw::{HalfCaller, call},
};

/// So many calls may a connection have at the same time of which nobody knows whose it is.
const MOST: usize = 8;

/// Watches `liveness`, and has heard the first news.
async fn watch(channel: Channel) -> Streaming<HealthCheckResponse> {
    let mut client = HealthClient::new(channel);
    let request = HealthCheckRequest {
        service: "liveness".to_owned(),
    };
    loop {
        match client.watch(request.clone()).await {
            Ok(watched) => {
                let mut watched = watched.into_inner();
                watched.message().await.unwrap().unwrap();
                return watched;
            }
            // Nobody has looked yet.
            Err(_unknown) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn half_caller(house: &House) -> HalfCaller {
    HalfCaller::over(TcpStream::connect(house.address).await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_watch_and_whose_requests_never_end_make_room_for_others() {
    let house = house(server(4, 4)).await;
    let mut kept = Vec::new();
    for _stranger in 0..2 {
        kept.push(watch(house.channel().await).await);
    }
    let mut callers = Vec::new();
    for _stranger in 0..2 {
        let mut caller = half_caller(&house).await;
        let asked = tokio::spawn(caller.begin(Rpc::HealthCheck.path(), &[]));
        callers.push((caller, asked));
    }
    let mut known = Vec::new();
    for _call in 0..4 {
        let channel = house.channel().await;
        let path = Rpc::VaultServiceGetWrapperKeyId.path();
        call(&channel, path, None).await.unwrap();
        known.push(channel);
    }
    for mut watched in kept {
        watched.message().await.unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_a_stranger_that_does_not_come_is_not_waited_for() {
    let house = house(ServerSettings::default()).await;
    let mut caller = half_caller(&house).await;
    for path in [
        Rpc::HealthCheck.path(),
        Rpc::HealthWatch.path(),
        Rpc::ApiInfoServiceGetApiInfo.path(),
    ] {
        let headers = caller.begin(path, &[]).await.unwrap();
        assert_eq!(headers["grpc-status"], "4", "{path}: {headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_has_so_many_calls_at_the_same_time_and_a_known_caller_more() {
    let house = house(ServerSettings::default()).await;
    let channel = house.channel().await;
    let mut watched = Vec::new();
    for _watch in 0..MOST {
        watched.push(watch(channel.clone()).await);
    }
    let request = HealthCheckRequest::default();
    let mut client = HealthClient::new(channel.clone());
    let refused = client.check(request.clone()).await.unwrap_err();
    assert_eq!(crate::house::told(&refused).0, "SERVER_BUSY");
    // Another connection is none of its business.
    let mut other = HealthClient::new(house.channel().await);
    other.check(request.clone()).await.unwrap();
    // Known from now on.
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    call(&channel, path, None).await.unwrap();
    client.check(request).await.unwrap();
    watched.push(watch(channel).await);
    let mut news: FuturesUnordered<_> = watched.iter_mut().map(|it| it.message()).collect();
    let ended = tokio::time::timeout(Duration::from_millis(300), news.next()).await;
    assert!(ended.is_err(), "a watch ended: {ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_only_watches_is_asked_to_go_and_a_known_caller_is_not() {
    let limit = Duration::from_secs(2);
    let house = house(ServerSettings {
        idle_limit: limit,
        ..ServerSettings::default()
    })
    .await;
    let channel = house.channel().await;
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    call(&channel, path, None).await.unwrap();
    let mut known = watch(channel).await;
    let mut stranger = watch(house.channel().await).await;
    // It has a few seconds to go by itself.
    let ended = tokio::time::timeout(Duration::from_secs(20), stranger.message()).await;
    let ended = ended.expect("it goes on").unwrap_err();
    assert_ne!(ended.code(), Code::Ok);
    let quiet = tokio::time::timeout(limit, known.message()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}
