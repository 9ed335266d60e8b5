//! The socket for callers on this machine.

use std::{fs, os::unix::fs::PermissionsExt as _};

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
    over(UnixStream::connect(house.socket()).await.unwrap()).await
}

async fn over(stream: UnixStream) -> Channel {
    let mut stream = Some(TokioIo::new(stream));
    let connect = tower::service_fn(move |_uri: Uri| {
        let stream = stream.take();
        async move { stream.ok_or_else(|| std::io::Error::other("it connects once")) }
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

/// The user that the system names for all whom it cannot tell.
const OVERFLOW: u32 = 65534;

/// A process of that user; none: we may not become it.
fn connect_as_nobody(house: &House) -> Option<std::os::unix::net::UnixStream> {
    let path = house.socket();
    for (path, mode) in [(path.parent().unwrap(), 0o755), (&path, 0o666)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    // Of this thread only, which ends with it.
    let becomes = std::thread::spawn(move || {
        let nobody = rustix::thread::Uid::from_raw(OVERFLOW);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).ok()?;
        Some(std::os::unix::net::UnixStream::connect(path).unwrap())
    });
    becomes.join().unwrap()
}

#[tokio::test]
async fn the_user_who_stands_for_all_that_are_unknown_is_nobody_whatever_the_rules_say() {
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    let house = house(OVERFLOW).await;
    let Some(stream) = connect_as_nobody(&house) else {
        assert!(!rustix::process::geteuid().is_root());
        return;
    };
    stream.set_nonblocking(true).unwrap();
    let channel = over(UnixStream::from_std(stream).unwrap()).await;
    let status = call(&channel, path, None).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}
