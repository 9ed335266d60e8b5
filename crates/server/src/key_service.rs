//! `strongroom.v1.KeyService`: keys, with everything that is known of them.

mod announce;
mod delete;
mod export;
mod generate;
mod import;
mod list;
mod read;
mod register;
mod view;

use std::pin::Pin;

use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use crate::{
    context::Shared,
    contract::strongroom::{key_service_server::KeyService, *},
    failure::Face,
    vault_service::DefaultSpecs,
};

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct KeyFace {
    pub(crate) shared: Shared,
    pub(crate) specs: DefaultSpecs,
}

type Answer<A> = Result<Response<A>, Status>;
type Pages = Pin<Box<dyn Stream<Item = Result<ListKeysResponse, Status>> + Send>>;
const FACE: Face = Face::Strongroom;

#[tonic::async_trait]
impl KeyService for KeyFace {
    type ListKeysStream = Pages;

    async fn list_keys(&self, request: Request<ListKeysRequest>) -> Answer<Self::ListKeysStream> {
        let pages = self.shared.answer(FACE, request, list::list).await?;
        Ok(pages.map(|pages| -> Pages { Box::pin(tokio_stream::iter(pages.map(Ok))) }))
    }

    async fn generate_signing_key(
        &self,
        request: Request<GenerateSigningKeyRequest>,
    ) -> Answer<KeyResponse> {
        let default = self.specs.signing;
        let generate =
            |vault, context, message| generate::signing(vault, context, message, default);
        self.shared.change(FACE, request, generate).await
    }

    async fn generate_signing_keys(
        &self,
        request: Request<GenerateSigningKeysRequest>,
    ) -> Answer<GenerateSigningKeysResponse> {
        let default = self.specs.signing;
        let generate =
            |vault, context, message| generate::several(vault, context, message, default);
        self.shared.change(FACE, request, generate).await
    }

    async fn generate_encryption_key(
        &self,
        request: Request<GenerateEncryptionKeyRequest>,
    ) -> Answer<KeyResponse> {
        let default = self.specs.encryption;
        let generate =
            |vault, context, message| generate::encryption(vault, context, message, default);
        self.shared.change(FACE, request, generate).await
    }

    async fn register_key(&self, request: Request<RegisterKeyRequest>) -> Answer<KeyResponse> {
        self.shared.change(FACE, request, register::register).await
    }

    async fn import_key(&self, request: Request<ImportKeyRequest>) -> Answer<KeyResponse> {
        self.shared.change(FACE, request, import::private).await
    }

    async fn import_public_key(
        &self,
        request: Request<ImportPublicKeyRequest>,
    ) -> Answer<KeyResponse> {
        self.shared.change(FACE, request, import::public).await
    }

    async fn export_key(&self, request: Request<ExportKeyRequest>) -> Answer<ExportKeyResponse> {
        let enabled = self.shared.features.export_of_private_keys;
        let passwords = self.shared.concurrency.passwords.clone();
        let export =
            |vault, context, message| export::export(vault, context, message, enabled, passwords);
        self.shared.change_checked(FACE, request, export).await
    }

    async fn delete_key(&self, request: Request<DeleteKeyRequest>) -> Answer<DeleteKeyResponse> {
        let delete = delete::delete;
        self.shared.change_checked(FACE, request, delete).await
    }

    async fn announce_key(
        &self,
        request: Request<AnnounceKeyRequest>,
    ) -> Answer<AnnounceKeyResponse> {
        self.shared.change(FACE, request, announce::announce).await
    }

    async fn withdraw_key(
        &self,
        request: Request<WithdrawKeyRequest>,
    ) -> Answer<WithdrawKeyResponse> {
        self.shared.change(FACE, request, announce::withdraw).await
    }
}
