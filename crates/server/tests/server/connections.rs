//! Many who connect and do nothing.

use std::{net::SocketAddr, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use strongroom_server::{CallerCertificates, Rpc, ServerSettings};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::{
    certificates::{Authority, connect, tls},
    house::{House, Plan},
    raw::{HalfCaller, NO_RPC, call},
};

mod strangers;

/// The beginning of HTTP/2, and an empty frame of settings.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A frame of HTTP/2 (RFC 9113, section 4.1): what kind it is, its flags, and what it holds.
async fn frame(stream: &mut TcpStream) -> Option<(u8, u8, Vec<u8>)> {
    let mut header = [0; 9];
    stream.read_exact(&mut header).await.ok()?;
    let mut held = vec![0; usize::from(header[1]) << 8 | usize::from(header[2])];
    stream.read_exact(&mut held).await.ok()?;
    Some((header[3], header[4], held))
}

/// Kilobytes of memory that this process uses.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().trim_end_matches("kB").trim();
    number.parse().unwrap()
}

/// Lets this process have as many files as the system allows it.
fn as_many_files_as_allowed() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, all).unwrap();
}

async fn connect_from(local: [u8; 4], to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((local, 0)))?;
    socket.connect(to).await
}

fn server(most: usize, of_one: usize) -> ServerSettings {
    ServerSettings {
        most_connections: most,
        most_connections_of_one: of_one,
        ..ServerSettings::default()
    }
}

async fn house(server: ServerSettings) -> House {
    House::planned(Plan {
        server,
        ..Plan::default()
    })
    .await
}

/// In a process of its own: what other tests hold meanwhile is none of it.
#[test]
fn ten_thousand_idle_connections_keep_nobody_out_and_take_bounded_memory() {
    const MEASURED: &str = "connections::ten_thousand_idle_connections";
    let own = std::process::Command::new(std::env::current_exe().unwrap())
        .args([MEASURED, "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&own.stdout);
    let errors = String::from_utf8_lossy(&own.stderr);
    assert!(own.status.success(), "{said}{errors}");
    assert!(said.contains("1 passed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, in a process of its own"]
async fn ten_thousand_idle_connections() {
    const IDLE: usize = 10_000;
    const SHARE: usize = 3_000;
    as_many_files_as_allowed();
    let house = house(server(4_000, SHARE)).await;
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
    let used = memory().saturating_sub(before);
    println!("{IDLE} idle connections, of which {SHARE} are kept: {used} kB on both sides");
    // A bound, not a measurement: 64 kB for each that is kept, 4 kB for each socket here.
    let bound = 64 * SHARE + 4 * IDLE;
    assert!(used < u64::try_from(bound).unwrap(), "{used} kB");
    // Also not whoever comes from the same address.
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    call(&house.channel().await, path, None).await.unwrap();
    let first = &mut idle[0];
    let mut rest = Vec::new();
    let _cut = first.read_to_end(&mut rest).await;
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_works_on_all_connections_of_its_share_gets_no_more_and_others_are_served() {
    let house = house(server(8, 3)).await;
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    let mut working = Vec::new();
    for _connection in 0..3 {
        let stream = connect_from([127, 0, 0, 1], house.address).await.unwrap();
        let mut caller = HalfCaller::over(stream).await;
        let call = tokio::spawn(caller.begin(path, &[]));
        // It has begun once a later one of the same connection is answered.
        let later = caller.begin(NO_RPC, &[]).await;
        assert_eq!(later.unwrap()["grpc-status"], "12");
        working.push((caller, call));
    }
    let mut refused = connect_from([127, 0, 0, 1], house.address).await.unwrap();
    let _gone = refused.write_all(HELLO).await;
    assert!(refused.read_exact(&mut [0; 9]).await.is_err());
    for (_caller, call) in &working {
        assert!(!call.is_finished(), "a working connection was cut");
    }
    let stream = connect_from([127, 0, 0, 2], house.address).await.unwrap();
    let mut other = HalfCaller::over(stream).await;
    let headers = other.begin(NO_RPC, &[]).await;
    assert_eq!(headers.unwrap()["grpc-status"], "12");
}

#[tokio::test]
async fn a_connection_that_rests_for_too_long_is_ended_and_one_with_a_call_is_not() {
    let settings = ServerSettings {
        // Longer than a call takes to begin.
        idle_limit: Duration::from_secs(2),
        ..ServerSettings::default()
    };
    let house = house(settings).await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let mut caller = HalfCaller::over(stream).await;
    let path = Rpc::VaultServiceGetWrapperKeyId.path();
    let working = tokio::spawn(caller.begin(path, &[]));
    let mut idle = TcpStream::connect(house.address).await.unwrap();
    idle.write_all(HELLO).await.unwrap();
    let mut said = Vec::new();
    idle.read_to_end(&mut said).await.unwrap();
    // A frame that says goodbye (RFC 9113, section 6.8).
    let goodbye = said.windows(2).any(|it| it == [7, 0]);
    assert!(goodbye, "{said:?}");
    assert!(!working.is_finished());
}

#[tokio::test]
async fn whoever_still_speaks_when_a_connection_ends_is_heard_out_or_would_lose_what_was_answered()
{
    const PING: u8 = 6;
    const GOODBYE: u8 = 7;
    const ANSWERED: u8 = 1;
    let mut house = house(ServerSettings::default()).await;
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    stream.write_all(HELLO).await.unwrap();
    let settings = frame(&mut stream).await;
    assert!(settings.is_some());
    house.end();
    let mut goodbyes = 0;
    while let Some((kind, flags, held)) = frame(&mut stream).await {
        goodbyes += u8::from(kind == GOODBYE);
        if kind == PING && flags & ANSWERED == 0 {
            let header = [0, 0, 8, PING, ANSWERED, 0, 0, 0, 0];
            let answer = [&header[..], &held].concat();
            stream.write_all(&answer).await.unwrap();
        }
    }
    assert_eq!(
        goodbyes, 2,
        "one before the server knows what it has, one after"
    );
    // The server has closed its side. Bytes that nobody reads would have the system reset the connection.
    for _once_more in 0..5 {
        stream
            .write_all(&[0, 0, 0, 4, 1, 0, 0, 0, 0])
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(stream.read(&mut [0; 9]).await.unwrap(), 0);
    drop(stream);
    house.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_never_end_keep_nobody_out() {
    let (servers, callers) = (Authority::new(), Authority::new());
    let required = CallerCertificates::Required(callers.pem.as_bytes());
    let server = ServerSettings {
        most_connections: 40,
        most_connections_of_one: 40,
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
