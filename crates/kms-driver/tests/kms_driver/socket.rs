//! The socket, and who may be at its two ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use strongroom_errors::Coded;
use strongroom_kms_driver::{DriverEndpoint, DriverKms, DriverSettings, bind_unix_socket};

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
async fn a_folder_that_others_may_enter_is_refused() {
    let house = House::new();
    let folder = house.path("open");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let error = bind_unix_socket(&folder.join("kms.sock")).unwrap_err();
    assert!(error.to_string().contains("open to others"), "{error}");
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
