//! Callers that do not wait any more.

use std::sync::Arc;

use prost::Message as _;
use strongroom_proto::v30::SigningKeyUsage;
use strongroom_server::{Rpc, contract::vault::GenerateSigningKeyRequest};
use tokio::net::TcpStream;

use crate::{house::House, raw::HalfCaller};

#[tokio::test]
async fn a_call_that_comes_after_its_deadline_changes_nothing() {
    let mut house = House::new().await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    let request = GenerateSigningKeyRequest {
        usage_v30: vec![SigningKeyUsage::Protocol.into()],
        ..GenerateSigningKeyRequest::default()
    };
    let (request, path) = (
        request.encode_to_vec(),
        Rpc::VaultServiceGenerateSigningKey.path(),
    );
    for timeout in ["0m", "0H", "1n"] {
        let headers = [("grpc-timeout", timeout)];
        for _again in 0..5 {
            let answer = caller.call(path, &headers, request.clone()).await;
            assert_eq!(answer.unwrap().headers()["grpc-status"], "4", "{timeout}");
        }
    }
    let in_time = [("grpc-timeout", "1M")];
    let answer = caller.call(path, &in_time, request).await.unwrap();
    assert!(!answer.headers().contains_key("grpc-status"), "{answer:?}");
    let vault = Arc::clone(&house.vault);
    // What was begun nevertheless is done by the end.
    house.end();
    house.ended().await;
    assert_eq!(vault.key_count(), 1);
}
