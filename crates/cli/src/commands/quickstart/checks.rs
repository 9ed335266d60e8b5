//! What is seen to work.

use std::{path::Path, sync::Arc};

use serde::Serialize;
use strongroom_crypto::{PublicKey, SystemRandom};
use strongroom_vault::{KeyEntry, Vault, VaultError};

use crate::session;

/// What gets signed and encrypted, to see that it works.
const MESSAGE: &[u8] = b"strongroom quickstart";

#[derive(Serialize)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) passed: bool,
}

/// Signs and verifies, or encrypts and decrypts, with each key.
pub(super) async fn uses(
    vault: &Vault,
    keys: &[Arc<KeyEntry>],
    when: &str,
    checks: &mut Vec<Check>,
) -> anyhow::Result<()> {
    for key in keys {
        let name = key.name.as_ref().map_or("-", |name| name.as_str());
        let (what, passed) = match key.usages() {
            Some(usages) => {
                let signature = vault.sign(&key.fingerprint(), MESSAGE, usages).await?;
                (
                    "signs and verifies",
                    vault.verify(MESSAGE, &signature, usages).is_ok(),
                )
            }
            None => {
                let encrypted = vault.encrypt(&key.fingerprint(), MESSAGE)?;
                let decrypted = vault.decrypt(&encrypted).await?;
                // EXPOSE: a message of ours, not a secret.
                ("encrypts and decrypts", decrypted.expose() == MESSAGE)
            }
        };
        checks.push(Check {
            name: format!("{name} {what} ({when})"),
            passed,
        });
    }
    Ok(())
}

/// A retired key decrypts a message of somebody who has not heard of its successor, and signs nothing.
pub(super) async fn of_retired(
    vault: &Vault,
    keys: &[Arc<KeyEntry>],
    checks: &mut Vec<Check>,
) -> anyhow::Result<()> {
    for key in keys {
        let name = key.name.as_ref().map_or("-", |name| name.as_str());
        let (what, passed) = match &key.public {
            PublicKey::Signing(public) => {
                let refused = vault
                    .sign(&public.fingerprint(), MESSAGE, public.usages())
                    .await;
                let is_retired = matches!(refused, Err(VaultError::KeyRetired { .. }));
                ("refuses to sign", is_retired)
            }
            PublicKey::Encryption(public) => {
                let encrypted = public.encrypt(MESSAGE, &SystemRandom)?;
                let decrypted = vault.decrypt(&encrypted).await?;
                // EXPOSE: a message of ours, not a secret.
                ("decrypts an old message", decrypted.expose() == MESSAGE)
            }
        };
        checks.push(Check {
            name: format!("{name} {what} (retired)"),
            passed,
        });
    }
    Ok(())
}

/// Searches every file of the vault's folder for the private keys.
pub(super) async fn no_key_in_files(
    vault: &Vault,
    keys: &[Arc<KeyEntry>],
    dir: &Path,
) -> anyhow::Result<Check> {
    // Those that a KMS holds never were here.
    let here = keys.iter().filter(|key| !key.is_held_by_kms());
    let fingerprints: Vec<_> = here.map(|key| key.fingerprint()).collect();
    let mut files = 0;
    let mut clean = true;
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_file() {
            let contents = session::files().read(&path)?.unwrap_or_default();
            clean &= vault
                .find_private_keys(&fingerprints, &contents)
                .await?
                .is_empty();
            files += 1;
        }
    }
    Ok(Check {
        name: format!("no private key bytes in the {files} files of the vault"),
        passed: clean && files > 0,
    })
}
