//! Which keys there are.

use async_trait::async_trait;
use strongroom_crypto::{KeyName, Timestamp};
use strongroom_kms::{KeyFinder, KeyState, KmsError, KmsKeyId, KmsOperation};

use super::Pkcs11Kms;
use super::creation::object_id;
use crate::fault::Fault;
use crate::objects;
use crate::pool::{Repeat, Seat};
use crate::record::{KeyKind, Record, StoredState};

/// What a list of keys shows about one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// Its id.
    pub id: KmsKeyId,
    /// What it is for.
    pub kind: KeyKind,
    /// Its name for people.
    pub label: Option<KeyName>,
    /// Name and value, as given when it was made.
    pub tags: Vec<(String, String)>,
    /// What may be done with it now. [`KeyState::PendingCreation`]: its making was interrupted, or its deletion; there is
    /// nothing but what this list shows.
    pub state: KeyState,
    /// When it may be destroyed, if that is scheduled.
    pub deletion_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The version that wraps now; counts from 1 and grows with each rotation.
    pub version: i32,
}

impl Pkcs11Kms {
    /// All keys that this program made on the token, by whichever process, in the order of their ids.
    ///
    /// Here a key is found again by its tags whose creation was interrupted.
    ///
    /// # Errors
    /// That the token does not answer.
    pub async fn list_keys(&self) -> Result<Vec<TokenKey>, KmsError> {
        self.run(
            Repeat::Once,
            KmsOperation::KeyState,
            None,
            |_shared, seat| {
                let records = objects::all_records(seat)?;
                let keys = records.into_iter().map(|record| listed(seat, record));
                keys.collect()
            },
        )
        .await
    }
}

#[async_trait]
impl KeyFinder for Pkcs11Kms {
    async fn find_wrapper_key(
        &self,
        name: &str,
        value: &str,
    ) -> Result<Option<KmsKeyId>, KmsError> {
        let is_it = |key: &TokenKey| {
            let mut tags = key.tags.iter();
            key.kind == KeyKind::Wrapper
                && key.state.is_usable()
                && tags.any(|(known, holds)| known == name && holds == value)
        };
        let keys = self.list_keys().await?;
        Ok(keys.into_iter().find(is_it).map(|key| key.id))
    }
}

fn listed(seat: &Seat, record: Record) -> Result<TokenKey, Fault> {
    let keys = objects::find_keys(seat, object_id(&record, record.version))?;
    let state = if keys.is_empty() {
        KeyState::PendingCreation
    } else {
        record.key_state()
    };
    let deletion_at = match record.state {
        StoredState::PendingDeletion { at } => Some(at),
        StoredState::Enabled | StoredState::Disabled => None,
    };
    Ok(TokenKey {
        id: record.id.to_kms()?,
        kind: record.kind,
        label: record.label,
        tags: record.tags,
        state,
        deletion_at,
        created_at: record.created_at,
        version: record.version,
    })
}
