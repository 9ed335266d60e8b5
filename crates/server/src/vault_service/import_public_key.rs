//! `ImportPublicKey`.

use std::sync::Arc;

use strongroom_proto::decode_public_key_for_import;
use strongroom_vault::{PublicKeyImport, Vault};

use super::names::key_name;
use crate::{
    context::Context,
    contract::vault::{ImportPublicKeyRequest, ImportPublicKeyResponse},
    failure::Failure,
};

pub(super) async fn import_public_key(
    vault: Arc<Vault>,
    context: Context,
    message: ImportPublicKeyRequest,
) -> Result<ImportPublicKeyResponse, Failure> {
    let import = PublicKeyImport {
        public: decode_public_key_for_import(&message.public_key)?.key,
        name: key_name(&message.name)?,
    };
    let imported = vault.import_public_key(&context.caller(), import).await?;
    Ok(ImportPublicKeyResponse {
        fingerprint: imported.fingerprint().to_string(),
    })
}
