//! Canton's `VaultService`: what it does, and each row of its tables of errors (reference: vault service, section 3).

mod deleting;
mod exporting;
mod generating;
mod importing;
mod listing;
mod registering;
mod wrapper_keys;

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_proto::v30;
use strongroom_vault::{Caller, NewSigningKey, Vault};

/// A key of the vault that signs for the protocol.
pub(crate) fn new_key(name: &str) -> NewSigningKey {
    NewSigningKey {
        spec: SigningKeySpec::EcCurve25519,
        usages: KeyUsages::only(KeyUsage::Protocol),
        name: Some(name.parse().unwrap()),
    }
}

pub(crate) async fn key(vault: &Vault, name: &str) -> Fingerprint {
    let (caller, new) = (Caller::new("test"), new_key(name));
    let made = vault.generate_signing_key(&caller, new).await;
    made.unwrap().fingerprint()
}

const PROTOCOL: i32 = v30::SigningKeyUsage::Protocol as i32;
const NAMESPACE: i32 = v30::SigningKeyUsage::Namespace as i32;

/// Names and ids have at most 300 characters.
fn too_long() -> String {
    "x".repeat(301)
}
