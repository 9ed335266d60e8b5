//! The socket, and who may be at its two ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use strongroom_errors::Coded;
use strongroom_kms_driver::{
    DriverEndpoint, DriverKms, DriverServer, DriverSettings, bind_unix_socket,
};

use crate::house::House;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "current_thread")]
async fn only_its_owner_can_reach_the_socket() {
    let house = House::new();
    let _listener = bind_unix_socket(&house.socket()).unwrap();
    assert_eq!(mode(&house.socket()), 0o600);
    assert_eq!(mode(house.socket().parent().unwrap()), 0o700);
}

#[tokio::test(flavor = "current_thread")]
async fn a_socket_is_replaced_when_it_was_left_behind_and_only_then() {
    let house = House::new();
    let listener = bind_unix_socket(&house.socket()).unwrap();
    let error = bind_unix_socket(&house.socket()).unwrap_err();
    assert!(
        error.to_string().contains("listens there already"),
        "{error}"
    );
    drop(listener);
    drop(bind_unix_socket(&house.socket()).unwrap());
    fs::remove_file(house.socket()).unwrap();
    fs::write(house.socket(), "precious").unwrap();
    assert_eq!(
        bind_unix_socket(&house.socket()).unwrap_err().code().name(),
        "KMS_DRIVER_SOCKET"
    );
    assert_eq!(fs::read(house.socket()).unwrap(), b"precious");
}

#[tokio::test(flavor = "current_thread")]
async fn a_folder_that_others_may_write_in_is_refused() {
    let house = House::new();
    let folder = house.path("open");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o775)).unwrap();
    let error = bind_unix_socket(&folder.join("kms.sock")).unwrap_err();
    assert!(error.to_string().contains("others may write"), "{error}");
}

#[tokio::test(flavor = "current_thread")]
async fn nothing_is_sent_to_a_driver_of_another_user() {
    let house = House::new();
    house.serve(Arc::new(house.local_kms()));
    let mut settings = DriverSettings::unix_socket(house.socket());
    settings.endpoint = DriverEndpoint::UnixSocket {
        path: house.socket(),
        user: Some(4_000_000_000),
    };
    let error = DriverKms::connect(settings).await.unwrap_err();
    assert_eq!(error.code().name(), "KMS_DRIVER_STRANGER", "{error:?}");
    assert!(!error.is_retryable());
}

/// The user that the system names for all whom it cannot tell.
const OVERFLOW: u32 = 65534;

/// A socket of that user; none: we may not become it.
fn listener_of_nobody(house: &House) -> Option<std::os::unix::net::UnixListener> {
    let (path, folder) = (house.socket(), house.path(""));
    for folder in [folder.as_path(), path.parent().unwrap()] {
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    // Of this thread only, which ends with it.
    let becomes = std::thread::spawn(move || {
        let nobody = rustix::thread::Uid::from_raw(OVERFLOW);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).ok()?;
        Some(std::os::unix::net::UnixListener::bind(path).unwrap())
    });
    becomes.join().unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn a_user_whom_the_system_cannot_tell_is_never_the_driver() {
    let house = House::new();
    let Some(listener) = listener_of_nobody(&house) else {
        assert!(!rustix::process::geteuid().is_root());
        return;
    };
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::UnixListener::from_std(listener).unwrap();
    let driver = DriverServer::new(Arc::new(house.local_kms()));
    tokio::spawn(driver.serve(listener, std::future::pending()));
    // The number stands for every user from outside: to wait for it would be to trust them all.
    let mut settings = DriverSettings::unix_socket(house.socket());
    settings.endpoint = DriverEndpoint::UnixSocket {
        path: house.socket(),
        user: Some(OVERFLOW),
    };
    let error = DriverKms::connect(settings).await.unwrap_err();
    assert_eq!(error.code().name(), "KMS_DRIVER_STRANGER", "{error:?}");
}
