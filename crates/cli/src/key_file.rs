//! Private keys in files: Canton's key-pair container, PEM and DER told apart.

use std::path::Path;

use strongroom_config::SecretSource;
use strongroom_crypto::{KeyPurpose, KeyUsages, PrivateKey, SigningKey};

use crate::{failure::CliError, input, secrets};

/// Whether the bytes begin as a message with a key in it does, so that what is wrong with them is told as of a message.
///
/// Its first field is one of the first two. DER begins otherwise, and PEM is text, in which a line end is such a field.
pub(crate) fn looks_like_message(bytes: &[u8]) -> bool {
    const FIRST: [u8; 3] = [1 << 3 | 2, 2 << 3 | 2, 2 << 3];
    let is_text = str::from_utf8(bytes).is_ok_and(|text| {
        text.chars()
            .all(|character| !character.is_control() || character.is_ascii_whitespace())
    });
    bytes.first().is_some_and(|first| FIRST.contains(first)) && !is_text
}

/// The signing key in a file, ready to sign. A container says itself what its key is for; any other key gets `usages`.
///
/// # Errors
/// [`CliError::PasswordOfNoContainer`] when `password` is given for PEM or DER; otherwise what is wrong with the file, the
/// password or the key.
pub(crate) fn signing_key(
    path: &Path,
    password: Option<&SecretSource>,
    usages: KeyUsages,
) -> anyhow::Result<SigningKey> {
    let contents = input::read_secret(path)?;
    // EXPOSE: parsing needs the bytes; they stay in locked memory.
    let bytes = contents.expose();
    if !looks_like_message(bytes) {
        if password.is_some() {
            return Err(CliError::PasswordOfNoContainer.into());
        }
        let private = PrivateKey::from_file(&contents, KeyPurpose::Signing)?;
        return Ok(SigningKey::new(
            &private,
            &private.signing_public_key(usages)?,
        )?);
    }
    let pair = match password {
        Some(source) => {
            let password = secrets::read(source, "Password of the container")?;
            strongroom_proto::decode_encrypted_key_pair(bytes, &password)?
        }
        None => strongroom_proto::decode_key_pair(bytes)?,
    };
    // An encryption key is refused as that, before anybody asks for its usages.
    let usages = pair.public.usages().unwrap_or(usages);
    let public = pair.private.signing_public_key(usages)?;
    Ok(SigningKey::new(&pair.private, &public)?)
}
