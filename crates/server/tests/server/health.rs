//! `grpc.health.v1`.

use strongroom_server::access::Access;
use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::house::House;

async fn check(client: &mut HealthClient<Channel>, service: &str) -> Result<ServingStatus, Code> {
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = client
        .check(request)
        .await
        .map_err(|status| status.code())?;
    Ok(answer.into_inner().status())
}

/// Until somebody has looked for the first time.
async fn settled(client: &mut HealthClient<Channel>, service: &str, wanted: ServingStatus) {
    for _look in 0..400 {
        if check(client, service).await == Ok(wanted) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{service:?} does not come to {wanted:?}");
}

#[tokio::test]
async fn each_service_says_whether_it_serves_to_anybody() {
    // Whoever balances load is nobody that the rules know.
    let house = House::with_access(Access::of(Vec::new())).await;
    let mut client = HealthClient::new(house.channel().await);
    for service in [
        "",
        "liveness",
        "strongroom.v1.SigningService",
        "com.digitalasset.canton.crypto.admin.v30.VaultService",
    ] {
        settled(&mut client, service, ServingStatus::Serving).await;
    }
    assert_eq!(check(&mut client, "unknown").await, Err(Code::NotFound));
}
