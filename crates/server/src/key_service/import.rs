//! `ImportKey` and `ImportPublicKey`.

use std::sync::Arc;

use strongroom_proto::{KeyPair, decode_key_pair, decode_public_key_for_import};
use strongroom_vault::{ImportedKey, PublicKeyImport, Vault};

use super::{read, view};
use crate::{
    context::Context,
    contract::strongroom::{ImportKeyRequest, ImportPublicKeyRequest, KeyResponse},
    failure::Failure,
};

pub(super) async fn private(
    vault: Arc<Vault>,
    context: Context,
    message: ImportKeyRequest,
) -> Result<KeyResponse, Failure> {
    let KeyPair {
        private, public, ..
    } = decode_key_pair(&message.key_pair)?;
    let key = ImportedKey {
        private,
        public,
        name: read::name(&message.name)?,
    };
    let imported = vault.import_key(&context.caller(), key).await?;
    view::came(&vault, &imported).await
}

pub(super) async fn public(
    vault: Arc<Vault>,
    context: Context,
    message: ImportPublicKeyRequest,
) -> Result<KeyResponse, Failure> {
    let import = PublicKeyImport {
        public: decode_public_key_for_import(&message.public_key)?.key,
        name: read::name(&message.name)?,
    };
    let imported = vault.import_public_key(&context.caller(), import).await?;
    view::came(&vault, &imported).await
}
