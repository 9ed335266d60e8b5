//! An orderly end.

use strongroom_server::contract::vault::GenerateSigningKeyRequest;

use crate::house::House;

#[tokio::test]
async fn what_was_asked_for_is_answered_before_the_server_ends() {
    let mut house = House::new().await;
    let client = house.vault_service().await;
    let asked = (0..16).map(|_number| {
        let mut client = client.clone();
        tokio::spawn(async move {
            let request = GenerateSigningKeyRequest {
                key_spec: 0,
                name: String::new(),
                usage_v30: vec![4],
                base_request: None,
            };
            client.generate_signing_key(request).await
        })
    });
    let asked: Vec<_> = asked.collect();
    tokio::task::yield_now().await;
    house.end();
    let vault = std::sync::Arc::clone(&house.vault);
    house.ended().await;
    let mut made = 0;
    for answer in asked {
        match answer.await.unwrap() {
            Ok(_key) => made += 1,
            // It came too late, and was told so or not heard at all.
            Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}"),
        }
    }
    assert_eq!(vault.key_count(), made);
}
