//! The socket for callers on this machine.

use hyper_util::rt::TokioIo;
use strongroom_server::{
    Rpc, ServerSettings,
    access::{Access, CallerRule, Grant, Identity, Role},
};
use tokio::net::UnixStream;
use tonic::{
    Code,
    transport::{Channel, Endpoint, Uri},
};

use crate::{
    house::{House, Plan},
    raw::call,
};

async fn house(user: u32) -> House {
    let rule = CallerRule {
        name: "auditor".to_owned(),
        identities: vec![Identity::UnixUser(user)],
        grants: vec![Grant::role(Role::Auditor)],
        rate_limit: None,
    };
    let server = ServerSettings {
        access: Access::of(vec![rule]),
        ..ServerSettings::default()
    };
    House::planned(Plan {
        server,
        with_socket: true,
        ..Plan::default()
    })
    .await
}

async fn connect(house: &House) -> Channel {
    let path = house.socket();
    let connect = tower::service_fn(move |_uri: Uri| {
        let path = path.clone();
        async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
    });
    let endpoint = Endpoint::from(Uri::from_static("http://vault.invalid"));
    endpoint.connect_with_connector(connect).await.unwrap()
}

#[tokio::test]
async fn a_process_is_known_by_its_user_and_over_the_socket_only() {
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    let ours = rustix::process::geteuid().as_raw();
    let house = house(ours).await;
    call(&connect(&house).await, path, None).await.unwrap();
    let over_tcp = call(&house.channel().await, path, None).await.unwrap_err();
    assert_eq!(over_tcp.code(), Code::Unauthenticated);

    let house = super::sockets::house(ours + 1).await;
    let status = call(&connect(&house).await, path, None).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    // A token that nobody verifies is not overlooked.
    let status = call(&connect(&house).await, path, Some("x.y.z")).await;
    assert_eq!(status.unwrap_err().code(), Code::Unauthenticated);
}
