//! Many who connect and do nothing.

use std::time::Duration;

use strongroom_server::{CallerCertificates, Rpc, ServerSettings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    certificates::{Authority, connect, tls},
    house::{House, Plan},
    raw::call,
};

/// The beginning of HTTP/2, and an empty frame of settings.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Kilobytes of memory that this process uses.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().trim_end_matches("kB").trim();
    number.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_idle_connections_leave_room_for_others() {
    const IDLE: usize = 2_000;
    let house = House::new().await;
    let before = memory();
    let mut idle = Vec::new();
    for _connection in 0..IDLE {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        stream.write_all(HELLO).await.unwrap();
        // It has been answered: the server has all that it keeps for a connection.
        let mut answer = [0; 9];
        stream.read_exact(&mut answer).await.unwrap();
        idle.push(stream);
    }
    let used = memory() - before;
    println!("{IDLE} idle connections: {used} kB on both sides");
    // A bound, not a measurement: 64 kB for each.
    assert!(used < 64 * u64::try_from(IDLE).unwrap(), "{used} kB");
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    call(&house.channel().await, path, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_never_end_keep_nobody_out() {
    let (servers, callers) = (Authority::new(), Authority::new());
    let required = CallerCertificates::Required(callers.pem.as_bytes());
    let server = ServerSettings {
        most_connections: 40,
        ..ServerSettings::default()
    };
    let house = House::planned(Plan {
        server,
        tls: Some(tls(&servers.server(), required)),
        ..Plan::default()
    })
    .await;
    let mut half_open = JoinSet::new();
    for _connection in 0..200 {
        let mut stream = TcpStream::connect(house.address).await.unwrap();
        half_open.spawn(async move {
            // The first bytes of a handshake, and nothing more.
            let _sent = stream.write_all(&[0x16, 3, 1, 2, 0]).await;
            let _never = stream.read(&mut [0; 64]).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
        });
    }
    let shown = callers.caller("p1");
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    for _call in 0..5 {
        let channel = connect(house.address, &servers, Some(&shown))
            .await
            .unwrap();
        call(&channel, path, None).await.unwrap();
    }
}
