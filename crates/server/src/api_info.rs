//! Canton's `ApiInfoService`.

use tonic::{Request, Response, Status};

use crate::contract::connection::{
    GetApiInfoRequest, GetApiInfoResponse, api_info_service_server::ApiInfoService,
};

/// The service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApiInfoFace;

#[tonic::async_trait]
impl ApiInfoService for ApiInfoFace {
    async fn get_api_info(
        &self,
        _request: Request<GetApiInfoRequest>,
    ) -> Result<Response<GetApiInfoResponse>, Status> {
        // What clients of Canton expect behind the port for administration.
        let name = "admin-api".to_owned();
        Ok(Response::new(GetApiInfoResponse { name }))
    }
}
