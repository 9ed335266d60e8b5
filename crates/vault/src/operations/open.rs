//! Opening a vault: one KMS call, every row authenticated, no key parsed.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZero,
    sync::Arc,
    thread,
};

use strongroom_crypto::{EncryptionPublicKey, Fingerprint, KeySpec, PublicKey, SigningPublicKey};
use strongroom_errors::Coded;
use strongroom_kms::WrapContext;
use strongroom_store::{
    DataKeyRecord, PrivateKeyRecord, PublicKeyRecord, ReadTransaction, VaultId, VaultRecord,
    WrapRecord,
};
use subtle::ConstantTimeEq;
use tokio::task::JoinHandle;

use crate::{
    anchor::AnchorRecord,
    data_keys::{DataKeys, OpenedDataKey, wrapped_key},
    digest::MultisetDigest,
    directory::{KeyDirectory, KeyEntry, PrivateHalf},
    environment::Environment,
    error::{VaultError, WrapAttempt},
    rows,
    settings::Settings,
    state::VaultState,
    unit::Committed,
    vault::{Parts, Vault},
};

/// Keys read and authenticated at a time.
const PAGE: usize = 2048;

/// What to do when the anchor contradicts the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnchorRule {
    /// Refuse.
    Enforce,
    /// Go on: the operator says that this state is the right one.
    Accept,
}

impl Vault {
    /// Opens the vault in the store, and refuses one that was tampered with.
    ///
    /// Costs one KMS call, whatever the number of keys. Every row is authenticated and all of them together are held
    /// against the state record and the anchor; keys are parsed when first used.
    ///
    /// # Errors
    /// [`VaultError::NotInitialized`] without a vault; [`VaultError::NoWrapOpens`] when no KMS opens it;
    /// [`VaultError::RowNotAuthentic`], [`VaultError::StateMismatch`], [`VaultError::RolledBack`] and their like when the
    /// store was changed behind our back.
    pub async fn open(environment: Environment, settings: Settings) -> Result<Self, VaultError> {
        open(environment, settings, AnchorRule::Enforce).await
    }
}

pub(crate) async fn open(
    environment: Environment,
    settings: Settings,
    rule: AnchorRule,
) -> Result<Vault, VaultError> {
    let mut snapshot = environment.store.read().await?;
    let vault = snapshot.vault().await?.ok_or(VaultError::NotInitialized)?;
    let records = snapshot.data_keys().await?;
    let record = current_data_key(&vault, &records)?;
    let wraps = snapshot.wraps(record.id).await?;
    let anchored = environment.anchor.load()?;
    check_anchored_data_key(anchored.as_ref(), &vault, record, rule)?;

    let (current, opened_by) = unwrap_data_key(&environment, vault.id, record, &wraps).await?;
    let state = VaultState::open(&vault.state, vault.id, &current)?;
    let data_keys = DataKeys::new(current);
    let mut found = authenticate_metadata(&vault, &records, &wraps, &data_keys)?;
    let keys = authenticate_keys(snapshot.as_mut(), vault.id, &data_keys, &opened_by).await?;
    found.digest.merge(&keys.digest);
    found.rows += keys.rows;
    check_audit_head(snapshot.as_mut(), &state).await?;
    drop(snapshot);
    if found.digest != state.digest || found.rows != state.rows {
        return Err(VaultError::StateMismatch {
            expected_rows: state.rows,
            found_rows: found.rows,
        });
    }

    let opened = Vault::new(Parts {
        id: vault.id,
        created_at: vault.created_at,
        environment,
        settings,
        data_keys,
        opened_by,
        directory: KeyDirectory::new(keys.entries),
        committed: Committed {
            state,
            record: vault.state,
        },
    });
    check_anchor(&opened, anchored, &state, rule)?;
    tracing::info!(vault = %opened.id(), keys = opened.key_count(), "opened the vault");
    Ok(opened)
}

/// The current data key, unwrapped, with nothing else looked at.
pub(crate) async fn data_key(
    environment: &Environment,
) -> Result<(VaultId, OpenedDataKey), VaultError> {
    let mut snapshot = environment.store.read().await?;
    let vault = snapshot.vault().await?.ok_or(VaultError::NotInitialized)?;
    let records = snapshot.data_keys().await?;
    let record = current_data_key(&vault, &records)?;
    let wraps = snapshot.wraps(record.id).await?;
    let (opened, _wrap) = unwrap_data_key(environment, vault.id, record, &wraps).await?;
    Ok((vault.id, opened))
}

fn current_data_key<'a>(
    vault: &VaultRecord,
    records: &'a [DataKeyRecord],
) -> Result<&'a DataKeyRecord, VaultError> {
    let id = vault.current_data_key;
    records
        .iter()
        .find(|record| record.id == id)
        .ok_or(VaultError::UnknownDataKey { id })
}

/// Tries the wraps in the configured order of their KMSs.
async fn unwrap_data_key(
    environment: &Environment,
    vault: VaultId,
    record: &DataKeyRecord,
    wraps: &[WrapRecord],
) -> Result<(OpenedDataKey, WrapRecord), VaultError> {
    let context = WrapContext::for_data_key(vault.as_bytes(), record.id.as_bytes());
    let mut attempts = Vec::new();
    for named in &environment.wrappers {
        for wrap in wraps.iter().filter(|wrap| wrap.kms == named.name) {
            let wrapped = wrapped_key(wrap)?;
            match named.wrapper.unwrap_key(&wrapped, &context).await {
                Ok(secret) => {
                    return Ok((OpenedDataKey::from_unwrapped(record, secret)?, wrap.clone()));
                }
                Err(error) => attempts.push(WrapAttempt {
                    kms: wrap.kms.clone(),
                    wrapper_key_id: wrap.wrapper_key_id.clone(),
                    code: error.code().name(),
                    reason: error.to_string(),
                }),
            }
        }
    }
    Err(VaultError::NoWrapOpens { attempts })
}

/// Digest and number of the rows that were found authentic.
#[derive(Default)]
struct Found {
    digest: MultisetDigest,
    rows: u64,
}

impl Found {
    fn add(&mut self, element: &[u8; 32]) {
        self.digest.add(element);
        self.rows += 1;
    }
}

fn authenticate_metadata(
    vault: &VaultRecord,
    records: &[DataKeyRecord],
    wraps: &[WrapRecord],
    data_keys: &DataKeys,
) -> Result<Found, VaultError> {
    let current = data_keys.current();
    let mut found = Found::default();
    found.add(&rows::tag_vault(vault, current).element);
    for record in records {
        let tagged = rows::tag_data_key(vault.id, record, current);
        check_tag(rows::DATA_KEYS, &record.id, &tagged.tag, &record.mac)?;
        found.add(&tagged.element);
    }
    for wrap in wraps {
        found.add(&rows::tag_wrap(vault.id, wrap, current).element);
    }
    Ok(found)
}

/// All keys, authenticated.
#[derive(Default)]
struct Keys {
    entries: HashMap<Fingerprint, Arc<KeyEntry>>,
    digest: MultisetDigest,
    rows: u64,
}

/// Reads page after page while earlier pages are authenticated on other threads.
async fn authenticate_keys(
    snapshot: &mut dyn ReadTransaction,
    vault: VaultId,
    data_keys: &DataKeys,
    opened_by: &WrapRecord,
) -> Result<Keys, VaultError> {
    let in_flight = thread::available_parallelism().map_or(1, NonZero::get);
    let mut keys = Keys::default();
    let mut pages: VecDeque<JoinHandle<Result<AuthenticPage, VaultError>>> = VecDeque::new();
    let mut after = None;
    loop {
        let page = snapshot.keys_after(after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.fingerprint);
        let (data_keys, opened_by) = (data_keys.clone(), opened_by.clone());
        pages.push_back(tokio::task::spawn_blocking(move || {
            authenticate_page(page, vault, &data_keys, &opened_by)
        }));
        if pages.len() >= in_flight
            && let Some(page) = pages.pop_front()
        {
            keys.take(joined(page).await?);
        }
    }
    for page in pages {
        keys.take(joined(page).await?);
    }
    // A private row without its public row is in no page.
    let orphans = snapshot.orphaned_private_keys().await?;
    if orphans > 0 {
        return Err(VaultError::OrphanedPrivateKeys { rows: orphans });
    }
    Ok(keys)
}

async fn joined(
    page: JoinHandle<Result<AuthenticPage, VaultError>>,
) -> Result<AuthenticPage, VaultError> {
    match page.await {
        Ok(page) => page,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

struct AuthenticPage {
    entries: Vec<Arc<KeyEntry>>,
    found: Found,
}

impl Keys {
    fn take(&mut self, page: AuthenticPage) {
        self.digest.merge(&page.found.digest);
        self.rows += page.found.rows;
        self.entries.extend(
            page.entries
                .into_iter()
                .map(|entry| (entry.fingerprint(), entry)),
        );
    }
}

fn authenticate_page(
    page: Vec<(PublicKeyRecord, Option<PrivateKeyRecord>)>,
    vault: VaultId,
    data_keys: &DataKeys,
    opened_by: &WrapRecord,
) -> Result<AuthenticPage, VaultError> {
    let mut found = Found::default();
    let mut entries = Vec::with_capacity(page.len());
    for (public, private) in page {
        let tagged = rows::tag_public_key(vault, &public, data_keys)?;
        check_tag(
            rows::PUBLIC_KEYS,
            &public.fingerprint,
            &tagged.tag,
            &public.mac,
        )?;
        found.add(&tagged.element);
        let private = match private {
            None => None,
            Some(record) => {
                let tagged = rows::tag_private_key(vault, &record, data_keys)?;
                check_tag(
                    rows::PRIVATE_KEYS,
                    &record.fingerprint,
                    &tagged.tag,
                    &record.mac,
                )?;
                found.add(&tagged.element);
                Some(PrivateHalf::of(&record, opened_by))
            }
        };
        entries.push(Arc::new(entry(public, private)?));
    }
    Ok(AuthenticPage { entries, found })
}

/// Rebuilds the public key and computes its fingerprint anew: a row cannot claim another's.
fn entry(record: PublicKeyRecord, private: Option<PrivateHalf>) -> Result<KeyEntry, VaultError> {
    let not_authentic = || VaultError::RowNotAuthentic {
        table: rows::PUBLIC_KEYS,
        row: record.fingerprint.to_string(),
    };
    let public = match (record.spec, record.usages) {
        (KeySpec::Signing(spec), Some(usages)) => {
            PublicKey::Signing(SigningPublicKey::from_validated(spec, record.spki, usages))
        }
        (KeySpec::Encryption(spec), None) => {
            PublicKey::Encryption(EncryptionPublicKey::from_validated(spec, record.spki))
        }
        _ => return Err(not_authentic()),
    };
    if public.fingerprint() != record.fingerprint {
        return Err(not_authentic());
    }
    Ok(KeyEntry {
        public,
        name: record.name,
        created_at: record.created_at,
        private,
        public_tag: record.mac,
        data_key_id: record.data_key_id,
    })
}

fn check_tag(
    table: &'static str,
    row: &dyn std::fmt::Display,
    computed: &[u8; 32],
    stored: &[u8; 32],
) -> Result<(), VaultError> {
    if computed.ct_eq(stored).into() {
        Ok(())
    } else {
        Err(VaultError::RowNotAuthentic {
            table,
            row: row.to_string(),
        })
    }
}

/// The newest audit record must be the one that the state record names; `audit verify` walks the whole chain.
async fn check_audit_head(
    snapshot: &mut dyn ReadTransaction,
    state: &VaultState,
) -> Result<(), VaultError> {
    let head = snapshot.audit_head().await?;
    let fits = match &head {
        Some(row) => row.sequence == state.audit_records && row.hash == state.audit_head,
        None => state.audit_records == 0,
    };
    if fits {
        Ok(())
    } else {
        Err(VaultError::AuditBroken {
            sequence: state.audit_records,
        })
    }
}

/// Before the KMS is asked: is this the vault and the data key that the anchor remembers?
fn check_anchored_data_key(
    anchored: Option<&AnchorRecord>,
    vault: &VaultRecord,
    record: &DataKeyRecord,
    rule: AnchorRule,
) -> Result<(), VaultError> {
    let Some(anchored) = anchored else {
        return Ok(());
    };
    let same = anchored.vault_id == vault.id.to_string()
        && anchored.data_key_id == record.id.to_string()
        && anchored.data_key_commitment == data_encoding::HEXLOWER.encode(&record.commitment);
    if same || rule == AnchorRule::Accept {
        Ok(())
    } else {
        Err(VaultError::AnchorOfOtherVault)
    }
}

fn check_anchor(
    vault: &Vault,
    anchored: Option<AnchorRecord>,
    state: &VaultState,
    rule: AnchorRule,
) -> Result<(), VaultError> {
    let anchor = &vault.environment().anchor;
    let here = vault.checkpoint(state);
    match (anchored, anchor.location()) {
        _ if rule == AnchorRule::Accept => Ok(()),
        (None, None) => Ok(()),
        (None, Some(location)) => Err(VaultError::AnchorMissing { location }),
        (Some(record), _) => {
            if record.confirmed.as_ref() == Some(&here) {
                return Ok(());
            }
            if record.pending.as_ref() == Some(&here) {
                // A crash fell between the store's commit and the confirmation.
                return Ok(anchor.store(&vault.anchor_record(Some(here), None))?);
            }
            let remembered = record
                .confirmed
                .or(record.pending)
                .map_or(0, |checkpoint| checkpoint.generation);
            Err(VaultError::RolledBack {
                remembered,
                found: state.generation,
            })
        }
    }
}
