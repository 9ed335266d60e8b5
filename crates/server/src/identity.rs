//! Canton's `IdentityInitializationService` (reference: admin services, section 5).

mod init_id;

use strongroom_topology::MemberCode;
use tonic::{Request, Response, Status};

use crate::{
    context::Shared,
    contract::topology::{
        CurrentTimeRequest, CurrentTimeResponse, GetIdRequest, GetIdResponse, InitIdRequest,
        InitIdResponse, identity_initialization_service_server::IdentityInitializationService,
    },
    failure::Face,
    vault_service::DefaultSpecs,
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct IdentityFace {
    pub(crate) shared: Shared,
    /// The kind of node that the vault becomes.
    pub(crate) code: MemberCode,
    pub(crate) specs: DefaultSpecs,
}

#[tonic::async_trait]
impl IdentityInitializationService for IdentityFace {
    async fn init_id(
        &self,
        request: Request<InitIdRequest>,
    ) -> Result<Response<InitIdResponse>, Status> {
        let enabled = self.shared.features.identity_by_hand;
        let (code, specs) = (self.code, self.specs);
        let init = move |vault, context, message| {
            init_id::init_id(vault, context, message, enabled, code, specs)
        };
        self.shared.change(Face::Canton, request, init).await
    }

    async fn get_id(
        &self,
        request: Request<GetIdRequest>,
    ) -> Result<Response<GetIdResponse>, Status> {
        self.shared
            .answer(
                Face::Canton,
                request,
                |vault, _context, _message| async move {
                    let identity = vault.identity();
                    Ok(GetIdResponse {
                        initialized: identity.is_some(),
                        unique_identifier: identity
                            .map(|identity| identity.member.uid.to_string())
                            .unwrap_or_default(),
                    })
                },
            )
            .await
    }

    async fn current_time(
        &self,
        request: Request<CurrentTimeRequest>,
    ) -> Result<Response<CurrentTimeResponse>, Status> {
        self.shared
            .answer(
                Face::Canton,
                request,
                |vault, _context, _message| async move {
                    Ok(CurrentTimeResponse {
                        current_time: vault.current_time().as_micros(),
                    })
                },
            )
            .await
    }
}
