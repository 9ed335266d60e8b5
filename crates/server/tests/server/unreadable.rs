//! Bytes that are no message of the rpc that they are sent to: whoever sends them is told so, and what anybody can send fills no log.

use std::time::Instant;

use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Role},
};
use strongroom_test_support::HeardLog;
use tokio::net::TcpStream;
use tonic::{Code, Status, transport::Channel};
use tracing::Level;

use crate::{
    house::{House, Plan, told},
    issuer::{TokenIssuer, tokens},
    raw::{HalfCaller, begin},
};

const SIGN: &str = Rpc::SigningServiceSign.path();

/// A server that knows `node` by its token, and a connection.
async fn house(issuer: &TokenIssuer) -> (House, Channel) {
    let rule = CallerRule {
        name: "node".to_owned(),
        identities: vec![Identity::token("node")],
        grants: vec![Grant::role(Role::Node)],
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        tokens: tokens(vec![issuer.service()]),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let channel = house.channel().await;
    (house, channel)
}

/// Sends what is no message, and says why it is refused.
async fn refused(channel: &Channel, path: &'static str, token: Option<&str>) -> Status {
    let answer = begin(channel, path, token, vec![0xff; 100]).await;
    answer.expect_err(path)
}

// The server is on the thread of the test, whose log is heard.
#[tokio::test]
async fn whatever_strangers_send_to_what_anybody_may_ask_is_their_fault_and_leaves_no_line() {
    let (_house, channel) = house(&TokenIssuer::new()).await;
    let log = HeardLog::down_to(Level::INFO);
    let _heard = log.hear();
    for path in [
        Rpc::HealthCheck.path(),
        Rpc::HealthWatch.path(),
        Rpc::ApiInfoServiceGetApiInfo.path(),
    ] {
        for _again in 0..50 {
            let refused = refused(&channel, path, None).await;
            assert_eq!(refused.code(), Code::InvalidArgument, "{path}: {refused}");
            assert_eq!(told(&refused).0, "PROTO_DESERIALIZATION_FAILURE", "{path}");
        }
    }
    assert_eq!(log.lines(), [""; 0]);
}

#[tokio::test]
async fn what_a_known_caller_sends_is_in_the_log_each_time() {
    let issuer = TokenIssuer::new();
    let (_house, channel) = house(&issuer).await;
    let log = HeardLog::down_to(Level::INFO);
    let _heard = log.hear();
    for sent in 1..=3 {
        let refused = refused(&channel, SIGN, Some(&issuer.token("node"))).await;
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert_eq!(told(&refused).0, "PROTO_DESERIALIZATION_FAILURE");
        assert_eq!(log.count("PROTO_DESERIALIZATION_FAILURE"), sent);
        assert_eq!(log.lines().len(), sent, "{:?}", log.lines());
    }
}

#[tokio::test]
async fn what_strangers_send_elsewhere_is_refused_unread_and_a_few_lines_stand_for_all() {
    const SENT: usize = 300;
    let (house, channel) = house(&TokenIssuer::new()).await;
    let log = HeardLog::down_to(Level::INFO);
    let _heard = log.hear();
    let began = Instant::now();
    for _again in 1..SENT {
        let refused = refused(&channel, SIGN, None).await;
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    }
    // The message of this one never comes.
    let stream = TcpStream::connect(house.address).await.unwrap();
    let answer = HalfCaller::over(stream).await.begin(SIGN, &[]).await;
    assert_eq!(answer.unwrap()["grpc-status"], "16");
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();

    let lines = log.count("nobody is known by it");
    // Ten at once, and ten a second.
    assert!(lines >= 10, "{lines}");
    assert!(
        lines <= 10 + 10 * (seconds + 1),
        "{lines} lines in {seconds} s"
    );
    assert_eq!(log.count("PROTO_DESERIALIZATION_FAILURE"), 0);
}
