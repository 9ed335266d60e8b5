//! How failures are told.

use strongroom_server::contract::vault::{DeleteKeyPairRequest, RegisterKmsSigningKeyRequest};
use tonic::Request;
use tonic_types::StatusExt as _;

use crate::house::House;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn in_trace<M>(message: M) -> Request<M> {
    let mut request = Request::new(message);
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    request
        .metadata_mut()
        .insert("traceparent", parent.parse().unwrap());
    request
}

#[tokio::test]
async fn a_failure_names_the_trace_of_the_caller() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let request = in_trace(DeleteKeyPairRequest {
        fingerprint: "garbage".to_owned(),
    });
    let status = client.delete_key_pair(request).await.unwrap_err();
    assert!(
        status
            .message()
            .starts_with("PROTO_DESERIALIZATION_FAILURE(8,4bf92f35): ")
    );
    let details = status.get_error_details();
    assert_eq!(details.request_info().unwrap().request_id, TRACE);
    assert_eq!(details.error_info().unwrap().metadata["category"], "8");
}

#[tokio::test]
async fn a_redacted_failure_says_whom_to_ask_about_what() {
    let house = House::new().await;
    let mut client = house.vault_service().await;
    let request = in_trace(RegisterKmsSigningKeyRequest {
        kms_key_id: "unknown".to_owned(),
        name: String::new(),
        usage_v30: vec![4],
        base_request: None,
    });
    let status = client.register_kms_signing_key(request).await.unwrap_err();
    let text = format!(
        "An error occurred. Please contact the operator and inquire about the request {TRACE} with tid {TRACE}"
    );
    assert_eq!(status.message(), text);
    assert_eq!(
        status
            .get_error_details()
            .request_info()
            .unwrap()
            .request_id,
        TRACE
    );
}

#[tokio::test]
async fn the_audit_log_has_the_caller_and_the_trace() {
    let house = House::new().await;
    let fingerprint = crate::vault_service::key(&house.vault, "one").await;
    let mut client = house.vault_service().await;
    let request = in_trace(DeleteKeyPairRequest {
        fingerprint: fingerprint.to_string(),
    });
    client.delete_key_pair(request).await.unwrap();
    let mut last = None;
    house
        .vault
        .walk_audit(|entry| last = Some(entry))
        .await
        .unwrap();
    let last = last.unwrap();
    assert_eq!(last.caller, "network:127.0.0.1");
    assert_eq!(last.trace_id.as_deref(), Some(TRACE));
}
