//! What every provider checks before it takes in a private key.

use strongroom_crypto::{KeySpec, PrivateKey};
use strongroom_memory::SecretBytes;

use crate::capabilities::Capabilities;
use crate::error::KmsError;

/// The private key in `pkcs8`, if the provider takes in keys of `spec` and it is a sound one.
///
/// A KMS finds out too, but late: after a key was made that nobody can use. Some take a key that is not what it was said to
/// be, an RSA key of another size for one.
///
/// # Errors
/// [`KmsError::ImportUnsupported`], [`KmsError::InvalidPrivateKey`].
pub fn importable(
    capabilities: &Capabilities,
    spec: KeySpec,
    pkcs8: &SecretBytes,
) -> Result<PrivateKey, KmsError> {
    if !capabilities.imports(spec) {
        return Err(KmsError::ImportUnsupported {
            provider: capabilities.provider.clone(),
            spec,
        });
    }
    PrivateKey::from_pkcs8(Some(spec), pkcs8).map_err(|error| KmsError::InvalidPrivateKey {
        source: error.into(),
    })
}
