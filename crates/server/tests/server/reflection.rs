//! Clients that know nothing beforehand.

use strongroom_server::{
    Rpc,
    contract::connection::{GetApiInfoRequest, api_info_service_client::ApiInfoServiceClient},
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::house::House;

#[tokio::test]
async fn the_server_says_which_services_it_has() {
    let house = House::new().await;
    let mut client = ServerReflectionClient::new(house.channel().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await;
    let answer = answers
        .unwrap()
        .into_inner()
        .message()
        .await
        .unwrap()
        .unwrap();
    let Some(MessageResponse::ListServicesResponse(services)) = answer.message_response else {
        panic!("no services");
    };
    let told: Vec<_> = services
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    for rpc in Rpc::ALL {
        // Each version of reflection describes itself only.
        if rpc == Rpc::ReflectionAlphaInfo {
            continue;
        }
        let service = rpc
            .path()
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap();
        let is_there = told.iter().any(|told| told == service);
        assert!(is_there, "{service} is not among {told:?}");
    }
}

#[tokio::test]
async fn the_port_says_that_it_is_for_administration() {
    let house = House::new().await;
    let mut client = ApiInfoServiceClient::new(house.channel().await);
    let info = client.get_api_info(GetApiInfoRequest {}).await.unwrap();
    assert_eq!(info.into_inner().name, "admin-api");
}
