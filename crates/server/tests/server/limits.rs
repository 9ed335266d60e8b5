//! Messages and headers over the limit: refused, and nobody else notices.

use strongroom_server::Rpc;
use tokio::net::TcpStream;
use tonic::Code;

use crate::{
    house::House,
    raw::{HalfCaller, call, send},
};

const MEGABYTES_10: usize = 10 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn messages_over_the_limit_are_refused_and_those_below_are_read() {
    let house = House::new().await;
    let channel = house.channel().await;
    for (path, most) in [
        (Rpc::SigningServiceSign.path(), MEGABYTES_10),
        (Rpc::VaultServiceImportKeyPair.path(), MEGABYTES_10),
        (
            Rpc::TopologyManagerWriteServiceImportTopologySnapshotV2.path(),
            MEGABYTES_10,
        ),
        (Rpc::HealthCheck.path(), 4096),
        (Rpc::ApiInfoServiceGetApiInfo.path(), 4096),
    ] {
        // Bytes that are no message: whoever reads them says so.
        let refused = send(&channel, path, vec![0xff; most + 1]).await;
        let refused = refused.expect_err(path);
        assert_eq!(refused.code(), Code::OutOfRange, "{path}: {refused:?}");
        let read = send(&channel, path, vec![0xff; most]).await;
        let code = read.err().map(|status| status.code());
        assert_ne!(code, Some(Code::OutOfRange), "{path}");
    }
    // On the same connection.
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    call(&channel, path, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_over_the_limit_reach_no_service_and_others_are_served() {
    let house = House::new().await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    let large = "x".repeat(9 * 1024);
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    let answer = caller.begin(path, &[("large", &large)]).await;
    let is_served = answer.is_ok_and(|headers| headers.contains_key("grpc-status"));
    assert!(!is_served);
    call(&house.channel().await, path, None).await.unwrap();
}
