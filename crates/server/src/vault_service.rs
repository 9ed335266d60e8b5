//! Canton's `VaultService` (reference: vault service, section 3): one file per rpc.

mod delete_key_pair;
mod export_key_pair;
mod filters;
mod generate;
mod import_key_pair;
mod import_public_key;
mod list;
mod names;
mod register;
mod wrapper_key;

use strongroom_crypto::{EncryptionKeySpec, SigningKeySpec};
use tonic::{Request, Response, Status};

use crate::{
    context::Shared,
    contract::vault::{
        DeleteKeyPairRequest, DeleteKeyPairResponse, ExportKeyPairRequest, ExportKeyPairResponse,
        GenerateEncryptionKeyRequest, GenerateEncryptionKeyResponse, GenerateSigningKeyRequest,
        GenerateSigningKeyResponse, GetWrapperKeyIdRequest, GetWrapperKeyIdResponse,
        ImportKeyPairRequest, ImportKeyPairResponse, ImportPublicKeyRequest,
        ImportPublicKeyResponse, ListMyKeysRequest, ListMyKeysResponse, ListPublicKeysRequest,
        ListPublicKeysResponse, RegisterKmsEncryptionKeyRequest, RegisterKmsEncryptionKeyResponse,
        RegisterKmsSigningKeyRequest, RegisterKmsSigningKeyResponse, RotateWrapperKeyRequest,
        RotateWrapperKeyResponse, vault_service_server::VaultService,
    },
    failure::Face,
};

/// The specs of keys of which a request says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultSpecs {
    /// Of signing keys.
    pub signing: SigningKeySpec,
    /// Of encryption keys.
    pub encryption: EncryptionKeySpec,
}

impl Default for DefaultSpecs {
    fn default() -> Self {
        Self {
            signing: SigningKeySpec::EcCurve25519,
            encryption: EncryptionKeySpec::EcP256,
        }
    }
}

/// The service.
#[derive(Clone, Debug)]
pub(crate) struct VaultFace {
    pub(crate) shared: Shared,
    pub(crate) specs: DefaultSpecs,
}

type Answer<A> = Result<Response<A>, Status>;

#[tonic::async_trait]
impl VaultService for VaultFace {
    async fn list_my_keys(
        &self,
        request: Request<ListMyKeysRequest>,
    ) -> Answer<ListMyKeysResponse> {
        self.shared
            .answer(Face::Canton, request, list::my_keys)
            .await
    }

    async fn list_public_keys(
        &self,
        request: Request<ListPublicKeysRequest>,
    ) -> Answer<ListPublicKeysResponse> {
        self.shared
            .answer(Face::Canton, request, list::public_keys)
            .await
    }

    async fn generate_signing_key(
        &self,
        request: Request<GenerateSigningKeyRequest>,
    ) -> Answer<GenerateSigningKeyResponse> {
        let spec = self.specs.signing;
        let make = move |vault, context, message| generate::signing(vault, context, message, spec);
        self.shared.change(Face::Canton, request, make).await
    }

    async fn generate_encryption_key(
        &self,
        request: Request<GenerateEncryptionKeyRequest>,
    ) -> Answer<GenerateEncryptionKeyResponse> {
        let spec = self.specs.encryption;
        let make =
            move |vault, context, message| generate::encryption(vault, context, message, spec);
        self.shared.change(Face::Canton, request, make).await
    }

    async fn register_kms_signing_key(
        &self,
        request: Request<RegisterKmsSigningKeyRequest>,
    ) -> Answer<RegisterKmsSigningKeyResponse> {
        self.shared
            .change(Face::Canton, request, register::signing)
            .await
    }

    async fn register_kms_encryption_key(
        &self,
        request: Request<RegisterKmsEncryptionKeyRequest>,
    ) -> Answer<RegisterKmsEncryptionKeyResponse> {
        self.shared
            .change(Face::Canton, request, register::encryption)
            .await
    }

    async fn import_public_key(
        &self,
        request: Request<ImportPublicKeyRequest>,
    ) -> Answer<ImportPublicKeyResponse> {
        let import = import_public_key::import_public_key;
        self.shared.change(Face::Canton, request, import).await
    }

    async fn rotate_wrapper_key(
        &self,
        request: Request<RotateWrapperKeyRequest>,
    ) -> Answer<RotateWrapperKeyResponse> {
        let ongoing = self.shared.ongoing.clone();
        let rotate =
            |vault, context, message| wrapper_key::rotate(vault, context, message, ongoing);
        self.shared
            .change_checked(Face::Canton, request, rotate)
            .await
    }

    async fn get_wrapper_key_id(
        &self,
        request: Request<GetWrapperKeyIdRequest>,
    ) -> Answer<GetWrapperKeyIdResponse> {
        self.shared
            .answer(Face::Canton, request, wrapper_key::current)
            .await
    }

    async fn export_key_pair(
        &self,
        request: Request<ExportKeyPairRequest>,
    ) -> Answer<ExportKeyPairResponse> {
        let enabled = self.shared.features.export_of_private_keys;
        let passwords = self.shared.concurrency.passwords.clone();
        let export = move |vault, context, message| {
            export_key_pair::export_key_pair(vault, context, message, enabled, passwords)
        };
        self.shared
            .change_checked(Face::Canton, request, export)
            .await
    }

    async fn import_key_pair(
        &self,
        request: Request<ImportKeyPairRequest>,
    ) -> Answer<ImportKeyPairResponse> {
        let passwords = self.shared.concurrency.passwords.clone();
        let import = |vault, context, message| {
            import_key_pair::import_key_pair(vault, context, message, passwords)
        };
        self.shared.change(Face::Canton, request, import).await
    }

    async fn delete_key_pair(
        &self,
        request: Request<DeleteKeyPairRequest>,
    ) -> Answer<DeleteKeyPairResponse> {
        let delete = delete_key_pair::delete_key_pair;
        self.shared
            .change_checked(Face::Canton, request, delete)
            .await
    }
}
