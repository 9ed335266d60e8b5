//! Authenticating what a store holds, before anything of it is believed.

use std::{collections::VecDeque, hash::BuildHasherDefault, num::NonZero, sync::Arc, thread};

use strongroom_crypto::{
    EncryptionPublicKey, KeySpec, PublicKey, SigningPublicKey, encoding::Encoder,
};
use strongroom_store::{
    DataKeyRecord, KeyRow, PrivateKeyRecord, PublicKeyRecord, ReadTransaction, VaultRecord,
    WrapRecord,
};
use subtle::ConstantTimeEq;
use tokio::task::JoinHandle;

use crate::{
    data_keys::{DataKeys, OpenedDataKey},
    digest::MultisetDigest,
    directory::{Entries, KeyEntry, PrivateHalf},
    error::VaultError,
    rows::{self, Tag},
    state::VaultState,
};

/// Keys read and authenticated at a time.
const PAGE: usize = 1024;
/// Pages read ahead of those being authenticated, for each thread.
const READ_AHEAD: usize = 8;

/// What was found authentic so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    digest: MultisetDigest,
    entries: u64,
}

impl Found {
    fn add(&mut self, element: &Tag) {
        self.digest.add(element);
        self.entries += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.digest.merge(&other.digest);
        self.entries += other.entries;
    }

    /// Holds everything that was found against what the last commit left.
    ///
    /// # Errors
    /// [`VaultError::StateMismatch`]: a row was dropped, revived, or put back to an earlier day.
    pub(crate) fn check(&self, state: &VaultState) -> Result<(), VaultError> {
        if self.digest == state.digest && self.entries == state.entries {
            Ok(())
        } else {
            Err(VaultError::StateMismatch {
                expected_entries: state.entries,
                found_entries: self.entries,
            })
        }
    }
}

/// Authenticates everything but keys.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`]. Rows without a tag of their own show in [`Found::check`].
pub(crate) fn metadata(
    vault: &VaultRecord,
    data_keys: &[DataKeyRecord],
    wraps: &[WrapRecord],
    current: &OpenedDataKey,
) -> Result<Found, VaultError> {
    let mut found = Found::default();
    found.add(&current.element(&rows::tag_vault(vault, current)));
    for record in data_keys {
        let tag = rows::tag_data_key(record, current);
        check_tag(&tag, &record.mac)
            .map_err(|_other| not_authentic(rows::DATA_KEYS, &record.id))?;
        found.add(&current.element(&tag));
    }
    for wrap in wraps {
        found.add(&current.element(&rows::tag_wrap(wrap, current)));
    }
    Ok(found)
}

/// Authenticates all keys, about `expected` of them: reads page after page while earlier pages are authenticated on
/// other threads.
///
/// # Errors
/// [`VaultError::RowNotAuthentic`]; errors of the store. A public row that was dropped takes its private row with it:
/// it shows in [`Found::check`].
pub(crate) async fn keys(
    snapshot: &mut dyn ReadTransaction,
    data_keys: &DataKeys,
    opened_by: &WrapRecord,
    expected: usize,
    found: &mut Found,
) -> Result<Entries, VaultError> {
    let read_ahead = thread::available_parallelism().map_or(1, NonZero::get) * READ_AHEAD;
    let mut entries = Entries::with_capacity_and_hasher(expected, BuildHasherDefault::default());
    let mut pages: VecDeque<JoinHandle<Result<Page, VaultError>>> = VecDeque::new();
    let mut after = None;
    loop {
        let rows = snapshot.keys_after(after, PAGE).await?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(last.fingerprint);
        let is_last = rows.len() < PAGE;
        let (data_keys, opened_by) = (data_keys.clone(), opened_by.clone());
        pages.push_back(tokio::task::spawn_blocking(move || {
            Page::authenticate(rows, &data_keys, &opened_by)
        }));
        if pages.len() >= read_ahead
            && let Some(page) = pages.pop_front()
        {
            joined(page).await?.put_into(&mut entries, found);
        }
        if is_last {
            break;
        }
    }
    for page in pages {
        joined(page).await?.put_into(&mut entries, found);
    }
    Ok(entries)
}

async fn joined(page: JoinHandle<Result<Page, VaultError>>) -> Result<Page, VaultError> {
    match page.await {
        Ok(page) => page,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Some keys, authenticated.
struct Page {
    entries: Vec<Arc<KeyEntry>>,
    found: Found,
}

impl Page {
    fn authenticate(
        rows: Vec<KeyRow>,
        data_keys: &DataKeys,
        opened_by: &WrapRecord,
    ) -> Result<Self, VaultError> {
        let mut found = Found::default();
        let mut encoder = Encoder::new();
        let mut entries = Vec::with_capacity(rows.len());
        for (public, private) in rows {
            let private = private
                .map(|record| authentic_half(&record, data_keys, opened_by, &mut encoder))
                .transpose()?;
            let entry = authentic_entry(public, private, data_keys, &mut encoder)?;
            found.add(&entry.element(data_keys.current()));
            entries.push(Arc::new(entry));
        }
        Ok(Self { entries, found })
    }

    fn put_into(self, entries: &mut Entries, found: &mut Found) {
        found.merge(&self.found);
        entries.extend(
            self.entries
                .into_iter()
                .map(|entry| (entry.fingerprint(), entry)),
        );
    }
}

fn authentic_half(
    record: &PrivateKeyRecord,
    data_keys: &DataKeys,
    opened_by: &WrapRecord,
    encoder: &mut Encoder,
) -> Result<PrivateHalf, VaultError> {
    check_tag(
        &rows::tag_private_key(record, data_keys, encoder)?,
        &record.mac,
    )
    .map_err(|_other| not_authentic(rows::PRIVATE_KEYS, &record.fingerprint))?;
    Ok(PrivateHalf::of(record, opened_by))
}

/// Rebuilds the public key and computes its fingerprint anew: a row cannot claim another's.
fn authentic_entry(
    record: PublicKeyRecord,
    private: Option<PrivateHalf>,
    data_keys: &DataKeys,
    encoder: &mut Encoder,
) -> Result<KeyEntry, VaultError> {
    let refused = |fingerprint| not_authentic(rows::PUBLIC_KEYS, &fingerprint);
    check_tag(
        &rows::tag_public_key(&record, data_keys, encoder)?,
        &record.mac,
    )
    .map_err(|_other| refused(record.fingerprint))?;
    let public = match (record.spec, record.usages) {
        (KeySpec::Signing(spec), Some(usages)) => {
            PublicKey::Signing(SigningPublicKey::from_validated(spec, record.spki, usages))
        }
        (KeySpec::Encryption(spec), None) => {
            PublicKey::Encryption(EncryptionPublicKey::from_validated(spec, record.spki))
        }
        _ => return Err(refused(record.fingerprint)),
    };
    if public.fingerprint() != record.fingerprint {
        return Err(refused(record.fingerprint));
    }
    Ok(KeyEntry {
        public,
        name: record.name,
        created_at: record.created_at,
        private,
        public_tag: record.mac,
    })
}

/// The stored tag is not the computed one.
struct OtherTag;

fn check_tag(computed: &Tag, stored: &Tag) -> Result<(), OtherTag> {
    if computed.ct_eq(stored).into() {
        Ok(())
    } else {
        Err(OtherTag)
    }
}

fn not_authentic(table: &'static str, row: &dyn std::fmt::Display) -> VaultError {
    VaultError::RowNotAuthentic {
        table,
        row: row.to_string(),
    }
}
