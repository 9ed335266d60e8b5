//! What comes before anybody has read what came before it (RFC 9113, section 5.2), in both directions.

use std::time::{Duration, Instant};

use serde_json::json;
use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, Grant, Role},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    house::{House, Plan},
    issuer::{TokenIssuer, claims, granted, now, tokens},
    raw::HalfCaller,
};

/// Frames and settings of HTTP/2.
const SETTINGS: u8 = 4;
const WINDOW_UPDATE: u8 = 8;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// The window that each connection has at first.
const USUAL: u32 = 65_535;

/// The kind of the next frame of the connection as a whole, and what it holds.
async fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut header = [0; 9];
    stream.read_exact(&mut header).await.unwrap();
    let [high, middle, low, kind, _flags, number @ ..] = header;
    assert_eq!(u32::from_be_bytes(number), 0);
    let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
    stream.read_exact(&mut payload).await.unwrap();
    (kind, payload)
}

#[tokio::test]
async fn a_connection_holds_256_kib_that_nobody_has_read_and_a_call_half_of_that() {
    let house = House::new().await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(preface).await.unwrap();
    let (mut of_call, mut of_connection) = (USUAL, USUAL);
    while of_call == USUAL || of_connection == USUAL {
        let (kind, payload) = frame(&mut stream).await;
        match kind {
            SETTINGS => {
                for setting in payload.chunks(6) {
                    let (id, value) = setting.split_at(2);
                    if u16::from_be_bytes(id.try_into().unwrap()) == INITIAL_WINDOW_SIZE {
                        of_call = u32::from_be_bytes(value.try_into().unwrap());
                    }
                }
            }
            WINDOW_UPDATE => {
                of_connection += u32::from_be_bytes(payload.try_into().unwrap());
            }
            _ => {}
        }
    }
    assert_eq!((of_call, of_connection), (128 * 1024, 256 * 1024));
}

/// A token that holds for a few seconds, and a caller who follows the audit log with it and takes nothing of that. It would never be
/// asked for more, and so never hear that its time is over.
#[tokio::test]
async fn a_stream_that_nobody_reads_does_not_outlive_the_token_of_its_caller_for_long() {
    let issuer = TokenIssuer::new();
    let rule = granted("auditor", Grant::role(Role::Auditor));
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        tokens: tokens(vec![issuer.service()]),
        reading_limit: Duration::from_millis(200),
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await;
    let mut claims = claims("auditor");
    claims["exp"] = json!(now() + 6);
    let token = issuer.sign(&json!({ "alg": "EdDSA" }), &claims);
    let began = Instant::now();

    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::that_takes_nothing(stream).await;
    let path = Rpc::OperationsServiceFollowAudit.path();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let follows = caller.call(path, &headers, vec![]).await.unwrap();
    assert!(
        !follows.headers().contains_key("grpc-status"),
        "{follows:?}"
    );
    // As long as the connection is there it answers. Whoever asks very often is cut for that.
    let mut is_there = async || {
        let asked = caller.begin(Rpc::HealthCheck.path(), &[("grpc-timeout", "10m")]);
        asked.await.is_ok()
    };
    while is_there().await {
        assert!(began.elapsed() < Duration::from_secs(60), "it stays");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "it was cut too early"
    );
}
