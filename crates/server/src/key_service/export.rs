//! `ExportKey`.

use std::sync::Arc;

use strongroom_crypto::{OaepHash, WrappingKey};
use strongroom_errors::Coded as _;
use strongroom_memory::SecretBytes;
use strongroom_vault::{ExportForm, Vault};

use super::read;
use crate::{
    access::Operation,
    concurrency::ConcurrencyLimit,
    context::{Checked, Context},
    contract::strongroom::{
        ExportForm as Form, ExportKeyRequest, ExportKeyResponse, OaepHash as Hash,
    },
    exporting,
    failure::{Failure, codes},
};

pub(super) async fn export(
    vault: Arc<Vault>,
    context: Context,
    message: ExportKeyRequest,
    enabled: bool,
    passwords: ConcurrencyLimit,
) -> Result<Checked<ExportKeyResponse>, Failure> {
    if !enabled {
        return Err(Failure::own(
            codes::EXPORT_DISABLED,
            "this server lets no private key leave",
        ));
    }
    let wanted = read::fingerprint(&message.fingerprint)?;
    context.check_key(Operation::KeysExport, &*vault.key(&wanted)?)?;
    let form = form(&message)?;
    drop(message);
    Ok(Checked::of(async move {
        let exported = exporting::export_key(vault, &context, wanted, form, &passwords).await??;
        Ok(ExportKeyResponse {
            // EXPOSE: the answer, which is wiped when it was sent.
            exported: exported.expose().to_vec(),
        })
    }))
}

fn form(message: &ExportKeyRequest) -> Result<ExportForm, Failure> {
    let form = Form::try_from(message.form).unwrap_or_default();
    if form != Form::KeyPair && !message.password.is_empty() {
        return Err(Failure::unreadable(
            "Field `password` is about a key pair, and `form` is another one",
        ));
    }
    if form != Form::Wrapped && !message.wrapping_key.is_empty() {
        return Err(Failure::unreadable(
            "Field `wrapping_key` is about a wrapped key, and `form` is another one",
        ));
    }
    match form {
        Form::Unspecified => Err(Failure::not_set("form")),
        Form::KeyPair if message.password.is_empty() => Ok(ExportForm::KeyPair),
        Form::KeyPair => {
            let password = SecretBytes::from_slice(&message.password);
            Ok(ExportForm::EncryptedKeyPair(password))
        }
        Form::Pkcs8Pem => Ok(ExportForm::Pkcs8Pem),
        Form::Pkcs8Der => Ok(ExportForm::Pkcs8Der),
        Form::Wrapped => {
            let key = WrappingKey::detect(&message.wrapping_key);
            let key = key.map_err(|error| Failure::of(error.code(), &error))?;
            Ok(ExportForm::Wrapped(key, hash(message.oaep_hash)?))
        }
    }
}

fn hash(number: i32) -> Result<OaepHash, Failure> {
    match Hash::try_from(number) {
        Ok(Hash::Unspecified | Hash::Sha256) => Ok(OaepHash::Sha256),
        Ok(Hash::Sha1) => Ok(OaepHash::Sha1),
        Err(_unknown) => Err(Failure::unreadable(format!(
            "Unrecognized value `{number}` in enum field `oaep_hash`"
        ))),
    }
}
