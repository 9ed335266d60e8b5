//! From rows to keys that can be taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use strongroom_crypto::{Fingerprint, KeyName, PublicKey};
use strongroom_kms::{KmsError, KmsKeyId, in_background};
use strongroom_proto::{
    decode_stored_private_key, decode_stored_public_key,
    tables::{
        self, KeyTables, KmsKeyRow, PrivateKeyData, PrivateKeyRow, PublicKeyRow,
        read_column_usages, read_purpose,
    },
};

use super::{
    error::CantonRowError,
    openers::Openers,
    report::{CantonOrigin, Row, Table},
};
use crate::{
    directory::KeyEntry, environment::KMS_CALLS_AT_ONCE, error::VaultError,
    operations::external::register::HeldKey, unit::NewPrivateHalf, vault::Vault,
};

/// The key of a row, checked.
pub(super) struct Candidate<'v> {
    pub(super) public: PublicKey,
    pub(super) name: Option<KeyName>,
    pub(super) half: Half<'v>,
}

/// What a row brings beside the public half.
pub(super) enum Half<'v> {
    /// Nothing.
    Public,
    /// A private key, in the form that its row will hold.
    Private(NewPrivateHalf),
    /// A key that a KMS holds.
    Held(HeldKey<'v>),
    /// The vault has it all.
    There,
}

type Read<'v> = (Row, Result<Candidate<'v>, CantonRowError>);

/// What the table of public keys says, by the name of each row.
type PublicRows = BTreeMap<String, PublicKeyRow>;

/// A public row, read.
struct PublicHalf {
    public: PublicKey,
    name: Option<KeyName>,
}

impl Vault {
    /// Reads every row, and asks the KMSs, but for what is there already.
    pub(super) async fn read_tables(&self, tables: KeyTables, kms: Option<&str>) -> Vec<Read<'_>> {
        let KeyTables {
            private_keys,
            public_keys,
            kms_keys,
        } = tables;
        let named = public_keys.into_iter().map(|row| (row.key_id.clone(), row));
        let mut public_rows: PublicRows = named.collect();
        let in_database: BTreeSet<String> =
            private_keys.iter().map(|row| row.key_id.clone()).collect();
        let openers = Openers::new(self, kms);
        let mut read: Vec<BoxFuture<'_, Read<'_>>> = Vec::new();
        for row in private_keys {
            let public_row = public_rows.remove(&row.key_id);
            read.push(self.read_private_row(row, public_row, &openers).boxed());
        }
        for row in kms_keys {
            let public_row = public_rows.remove(&row.fingerprint);
            let twice = in_database.contains(&row.fingerprint);
            read.push(self.read_kms_row(row, public_row, kms, twice).boxed());
        }
        for row in public_rows.into_values() {
            read.push(async move { self.read_public_row(row) }.boxed());
        }
        // Uses of other keys come first in the call budget.
        in_background(stream::iter(read).buffered(KMS_CALLS_AT_ONCE).collect()).await
    }

    async fn read_private_row(
        &self,
        row: PrivateKeyRow,
        public_row: Option<PublicKeyRow>,
        openers: &Openers<'_>,
    ) -> Read<'_> {
        let from = match &row.data {
            PrivateKeyData::Clear(_) => CantonOrigin::Clear,
            PrivateKeyData::Encrypted { wrapper_key_id, .. } => CantonOrigin::Encrypted {
                wrapper_key_id: wrapper_key_id.clone(),
            },
        };
        let head = Row {
            table: Table::Private,
            key: row.key_id.clone(),
            purpose: read_purpose(tables::PRIVATE_KEYS, row.purpose).ok(),
            name: name_of(public_row.as_ref(), row.name.as_deref()),
            from,
        };
        let candidate = self.private_candidate(row, public_row, openers).await;
        (head, candidate)
    }

    async fn private_candidate(
        &self,
        row: PrivateKeyRow,
        public_row: Option<PublicKeyRow>,
        openers: &Openers<'_>,
    ) -> Result<Candidate<'_>, CantonRowError> {
        let fingerprint: Fingerprint = row.key_id.parse()?;
        let purpose = read_purpose(tables::PRIVATE_KEYS, row.purpose)?;
        let public_half = public_row.map(read_public_half).transpose()?;
        // Canton lists keys by the name of the public row.
        let name = match public_half.as_ref().and_then(|half| half.name.clone()) {
            Some(name) => Some(name),
            None => read_name(row.name.as_deref())?,
        };
        if let Some(entry) = self.whole_key(&fingerprint) {
            let public = public_half.map_or_else(|| entry.public.clone(), |half| half.public);
            if public.spec().purpose() != purpose {
                return Err(CantonRowError::PublicRowDiffers);
            }
            self.known(&public, name.as_ref())?;
            let half = Half::There;
            return Ok(Candidate { public, name, half });
        }
        let was_clear = matches!(row.data, PrivateKeyData::Clear(_));
        let message = openers.open(row.data).await?;
        // EXPOSE: parsed, from locked memory into locked memory.
        let pair = decode_stored_private_key(purpose, message.expose())?;
        let found = pair.public.fingerprint();
        if found != fingerprint {
            return Err(CantonRowError::OtherKey { found });
        }
        if public_half.is_some_and(|half| half.public != pair.public) {
            return Err(CantonRowError::PublicRowDiffers);
        }
        // Before anything is asked of a KMS.
        self.known(&pair.public, name.as_ref())?;
        let custody = self.custody_of(&pair.public);
        let half = self
            .new_private_half(&pair.private, &pair.public, custody)
            .await?;
        let exposed = half.exposed || was_clear;
        Ok(Candidate {
            public: pair.public,
            name,
            half: Half::Private(NewPrivateHalf { exposed, ..half }),
        })
    }

    async fn read_kms_row(
        &self,
        row: KmsKeyRow,
        public_row: Option<PublicKeyRow>,
        kms: Option<&str>,
        twice: bool,
    ) -> Read<'_> {
        let head = Row {
            table: Table::Kms,
            key: row.fingerprint.clone(),
            purpose: read_purpose(tables::KMS_KEYS, row.purpose).ok(),
            name: name_of(public_row.as_ref(), None),
            from: CantonOrigin::Kms {
                key: row.kms_key_id.clone(),
            },
        };
        let candidate = match twice {
            true => Err(CantonRowError::InTwoTables),
            false => self.kms_candidate(row, public_row, kms).await,
        };
        (head, candidate)
    }

    async fn kms_candidate(
        &self,
        row: KmsKeyRow,
        public_row: Option<PublicKeyRow>,
        kms: Option<&str>,
    ) -> Result<Candidate<'_>, CantonRowError> {
        use strongroom_crypto::KeyPurpose::{Encryption, Signing};
        let fingerprint: Fingerprint = row.fingerprint.parse()?;
        let usages = match (read_purpose(tables::KMS_KEYS, row.purpose)?, row.key_usage) {
            (Signing, Some(usages)) => Some(read_column_usages(&usages)?),
            (Encryption, None) => None,
            (Signing, None) | (Encryption, Some(_)) => return Err(CantonRowError::UsagesMisplaced),
        };
        let public_half = public_row.map(read_public_half).transpose()?;
        let name = public_half.as_ref().and_then(|half| half.name.clone());
        let key = KmsKeyId::try_new(row.kms_key_id).map_err(KmsError::from)?;
        // The KMS decides what the key is, also if it was told before.
        let held = self.find_held(kms, &key, usages).await?;
        let kms = held.holder.named.name.as_str();
        let known = self.whole_key(&fingerprint);
        let is_there = known.is_some_and(|entry| entry.is_held_as(kms, &held.key));
        let public = held.public.clone();
        let found = public.fingerprint();
        if found != fingerprint {
            return Err(CantonRowError::OtherKey { found });
        }
        if public_half.is_some_and(|half| half.public != public) {
            return Err(CantonRowError::PublicRowDiffers);
        }
        let known = self.known(&public, name.as_ref())?;
        let half = match known {
            Some(_) if is_there => Half::There,
            // In another custody, or as another key.
            Some(entry) if entry.private.is_some() => {
                return Err(VaultError::KeyExists {
                    fingerprint,
                    existing_name: entry.name.as_ref().map(|name| name.as_str().to_owned()),
                }
                .into());
            }
            _ => Half::Held(held),
        };
        Ok(Candidate { public, name, half })
    }

    fn read_public_row(&self, row: PublicKeyRow) -> Read<'_> {
        let head = Row {
            table: Table::Public,
            key: row.key_id.clone(),
            purpose: read_purpose(tables::PUBLIC_KEYS, row.purpose).ok(),
            name: row.name.clone(),
            from: CantonOrigin::Public,
        };
        (head, self.public_candidate(row))
    }

    fn public_candidate(&self, row: PublicKeyRow) -> Result<Candidate<'_>, CantonRowError> {
        let PublicHalf { public, name } = read_public_half(row)?;
        let half = match self.known(&public, name.as_ref())? {
            Some(_) => Half::There,
            None => Half::Public,
        };
        Ok(Candidate { public, name, half })
    }

    /// The entry of a key whose private half the vault has.
    fn whole_key(&self, fingerprint: &Fingerprint) -> Option<Arc<KeyEntry>> {
        let entry = self.directory().entry(fingerprint)?;
        entry.private.is_some().then_some(entry)
    }
}

fn read_public_half(row: PublicKeyRow) -> Result<PublicHalf, CantonRowError> {
    let fingerprint: Fingerprint = row.key_id.parse()?;
    let purpose = read_purpose(tables::PUBLIC_KEYS, row.purpose)?;
    let public = decode_stored_public_key(purpose, &row.data)?.key;
    let found = public.fingerprint();
    if found != fingerprint {
        return Err(CantonRowError::OtherKey { found });
    }
    let name = read_name(row.name.as_deref())?;
    Ok(PublicHalf { public, name })
}

fn read_name(name: Option<&str>) -> Result<Option<KeyName>, CantonRowError> {
    Ok(KeyName::parse_optional(name.unwrap_or_default())?)
}

fn name_of(public_row: Option<&PublicKeyRow>, name: Option<&str>) -> Option<String> {
    let public = public_row.and_then(|row| row.name.clone());
    public.or_else(|| name.map(str::to_owned))
}
