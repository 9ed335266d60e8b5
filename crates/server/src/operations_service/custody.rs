//! Where private keys are: retiring them, sealing them, moving them.

use std::{collections::HashMap, sync::Arc};

use strongroom_crypto::Fingerprint;
use strongroom_store::Custody;
use strongroom_vault::{KeyEntry, KeyFilter, MigrationError, Move, Place, Vault, VaultError};

use super::fields::{self, custody_field, fingerprint, problem, selected};
use crate::{
    access::Operation,
    context::{Checked, Context},
    contract::strongroom::{
        self as wire, DropCopiesEvent, DropCopiesRequest, KeyMove, KeySelection, MigrateKeysEvent,
        MigrateKeysRequest, PlanMigrationRequest, PlanMigrationResponse, RetireKeyRequest,
        RetireKeyResponse, SealKeysRequest, SealKeysResponse, drop_copies_event as dropping,
        migrate_keys_event as migrating,
    },
    failure::Failure,
    long_work::Telling,
};

pub(super) async fn retire(
    vault: Arc<Vault>,
    context: Context,
    message: RetireKeyRequest,
) -> Result<Checked<RetireKeyResponse>, Failure> {
    let key = fingerprint(&message.fingerprint)?;
    context.check_key(Operation::KeysRetire, &*vault.key(&key)?)?;
    Ok(Checked::of(async move {
        vault.retire_key(&context.caller(), &key).await?;
        Ok(RetireKeyResponse {})
    }))
}

pub(super) async fn seal(
    vault: Arc<Vault>,
    context: Context,
    message: SealKeysRequest,
) -> Result<SealKeysResponse, Failure> {
    // That there is none is for the process to say that would seal them.
    vault.check_writes().await?;
    let clear = || Ok(vault.clear_keys());
    let keys = selected(&vault, &context, Operation::KeysSeal, message.keys, clear)?;
    if !keys.is_empty() {
        vault.seal_clear_keys(&context.caller(), &keys).await?;
    }
    Ok(SealKeysResponse {
        sealed: keys.iter().map(ToString::to_string).collect(),
    })
}

pub(super) async fn plan(
    vault: Arc<Vault>,
    context: Context,
    message: PlanMigrationRequest,
) -> Result<PlanMigrationResponse, Failure> {
    let asked = Asked::read(&vault, &context, message.keys, message.from, message.to)?;
    let mut report = Report::before(&vault, &asked);
    for key in &asked.keys {
        match vault.plan_move(key, &asked.place) {
            Ok(planned) => report.hears(&vault, key, Ok(planned)),
            Err(VaultError::Migration(why)) => report.hears(&vault, key, Err(why)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(PlanMigrationResponse { keys: report.told })
}

pub(super) async fn migrate(
    vault: Arc<Vault>,
    context: Context,
    message: MigrateKeysRequest,
    telling: Arc<Telling<MigrateKeysEvent>>,
) -> Result<Checked<MigrateKeysEvent>, Failure> {
    use migrating::{Done, Event, Progress};
    let event = |event| MigrateKeysEvent { event: Some(event) };
    vault.check_writes().await?;
    let asked = Asked::read(&vault, &context, message.keys, message.from, message.to)?;
    if asked.place == Place::Clear {
        context.check(Operation::KeysRevert)?;
        for key in &asked.keys {
            context.check_key(Operation::KeysRevert, &*vault.key(key)?)?;
        }
    }
    let keys = asked.keys.clone();
    let work = async move {
        let mut report = Report::before(&vault, &asked);
        let of = asked.keys.len() as u64;
        let hears = |key: &Fingerprint, moved| {
            report.hears(&vault, key, moved);
            let done = report.told.len() as u64;
            telling.tell(event(Event::Progress(Progress { done, of })));
        };
        let moved = vault
            .migrate_keys(&context.caller(), &asked.keys, &asked.place, hears)
            .await;
        ended(moved, report.told.is_empty(), |failed| {
            event(Event::Done(Done {
                keys: report.told,
                failed,
            }))
        })
    };
    Ok(Checked::of(work).about(&keys))
}

pub(super) async fn drop_copies(
    vault: Arc<Vault>,
    context: Context,
    message: DropCopiesRequest,
    telling: Arc<Telling<DropCopiesEvent>>,
) -> Result<Checked<DropCopiesEvent>, Failure> {
    use dropping::{Done, Event, Progress};
    let event = |event| DropCopiesEvent { event: Some(event) };
    vault.check_writes().await?;
    let copied = || Ok(vault.copied_keys());
    let operation = Operation::KeysDropCopy;
    let keys = selected(&vault, &context, operation, message.keys, copied)?;
    let these = keys.clone();
    let work = async move {
        let of = keys.len() as u64;
        let mut dropped = Vec::new();
        let hears = |key: &Fingerprint| {
            dropped.push(key.to_string());
            let done = dropped.len() as u64;
            telling.tell(event(Event::Progress(Progress { done, of })));
        };
        let outcome = vault.drop_copies(&context.caller(), &keys, hears).await;
        ended(outcome, dropped.is_empty(), |failed| {
            event(Event::Done(Done { dropped, failed }))
        })
    };
    Ok(Checked::of(work).about(&these))
}

/// What was done is told, also if the rest was not.
fn ended<E>(
    outcome: Result<(), VaultError>,
    nothing_done: bool,
    done: impl FnOnce(Option<wire::Problem>) -> E,
) -> Result<E, Failure> {
    match outcome {
        Err(error) if nothing_done => Err(error.into()),
        outcome => Ok(done(outcome.err().as_ref().map(problem))),
    }
}

/// The keys that shall move, and where to.
struct Asked {
    keys: Vec<Fingerprint>,
    place: Place,
}

impl Asked {
    fn read(
        vault: &Vault,
        context: &Context,
        keys: Option<KeySelection>,
        from: i32,
        to: Option<wire::Place>,
    ) -> Result<Self, Failure> {
        let place = fields::place(to.ok_or_else(|| Failure::not_set("to"))?)?;
        let from = fields::custody(from)?;
        let all = || {
            let every = vault.list(&KeyFilter::default())?;
            Ok(every.iter().map(|key| key.fingerprint()).collect())
        };
        let mut keys = selected(vault, context, Operation::KeysMigrate, keys, all)?;
        keys.retain(|key| vault.key(key).is_ok_and(|entry| is_in(&entry, from)));
        Ok(Self { keys, place })
    }
}

fn is_in(key: &KeyEntry, custody: Option<Custody>) -> bool {
    let half = key.private.as_ref();
    custody.is_none_or(|custody| half.is_some_and(|half| half.custody == custody))
}

/// What became of keys, or would.
struct Report {
    /// Where each was.
    before: HashMap<Fingerprint, Custody>,
    told: Vec<KeyMove>,
}

impl Report {
    fn before(vault: &Vault, asked: &Asked) -> Self {
        let custody = |key: &Fingerprint| {
            let entry = vault.key(key).ok()?;
            Some((*key, entry.private.as_ref()?.custody))
        };
        Self {
            before: asked.keys.iter().filter_map(custody).collect(),
            told: Vec::with_capacity(asked.keys.len()),
        }
    }

    fn hears(&mut self, vault: &Vault, key: &Fingerprint, moved: Result<Move, MigrationError>) {
        let before = self.before.get(key).copied().map(custody_field);
        let after = vault.key(key).ok();
        let half = after.as_ref().and_then(|entry| entry.private.as_ref());
        let held = half.and_then(|half| half.external.as_deref().cloned());
        let (mut kms, kms_key_id) = held.map(|held| (held.kms, held.key_id)).unwrap_or_default();
        if let (true, Ok(Move::Bring(planned))) = (kms.is_empty(), &moved) {
            kms.clone_from(planned);
        }
        self.told.push(KeyMove {
            fingerprint: key.to_string(),
            from: before.unwrap_or(wire::Custody::Unspecified).into(),
            r#move: moved.as_ref().map_or("", Move::name).to_owned(),
            kms,
            kms_key_id,
            copy: half.is_some_and(|half| half.has_copy()),
            stays: moved.err().as_ref().map(problem),
        });
    }
}
