//! What a vault is, to be compared with what it was.

use std::collections::BTreeMap;

use strongroom_crypto::{Fingerprint, KeyPurpose, KeyUsages};
use strongroom_store::{Custody, KeyState, Sealing};
use strongroom_vault::{KeyEntry, Vault};

use super::all_keys;

/// All that a vault is, as far as it can be seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) keys: BTreeMap<Fingerprint, KeyPicture>,
    pub(crate) audit_records: u64,
}

/// A key, as far as it can be seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyPicture {
    pub(crate) spec: &'static str,
    pub(crate) purpose: KeyPurpose,
    pub(crate) usages: Option<KeyUsages>,
    pub(crate) name: Option<String>,
    pub(crate) private: Option<HalfPicture>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HalfPicture {
    pub(crate) custody: Custody,
    pub(crate) sealing: Sealing,
    pub(crate) state: KeyState,
    pub(crate) exposed: bool,
    pub(crate) wrapper_key_id: Option<String>,
}

impl Picture {
    /// Looks at everything, and checks on the way that every private key opens and the audit chain holds.
    pub(crate) async fn of(vault: &Vault) -> Self {
        let inspection = vault.inspect(|_, _| {}).await.unwrap();
        assert!(inspection.broken.is_empty(), "{inspection:?}");
        Self {
            keys: all_keys(vault)
                .iter()
                .map(|entry| (entry.fingerprint(), KeyPicture::of(entry)))
                .collect(),
            audit_records: inspection.audit_records,
        }
    }
}

impl KeyPicture {
    pub(crate) fn of(entry: &KeyEntry) -> Self {
        Self {
            spec: entry.spec().name(),
            purpose: entry.purpose(),
            usages: entry.usages(),
            name: entry.name.as_ref().map(|name| name.as_str().to_owned()),
            private: entry.private.as_ref().map(|half| HalfPicture {
                custody: half.custody,
                sealing: half.sealing,
                state: half.state,
                exposed: half.exposed,
                wrapper_key_id: half.wrapper_key_id.as_deref().map(str::to_owned),
            }),
        }
    }
}
