//! An open vault.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use strongroom_crypto::{
    DecryptionKey, Random, SigningKey, Timestamp, clock::Clock, encoding::Encoder,
};
use strongroom_store::{PrivateKeyRecord, VaultId};
use subtle::ConstantTimeEq;
use tokio::task::JoinHandle;

use crate::{
    anchor_tag::Keeper,
    approvals::Approvals,
    background::Background,
    backups::{Backup, Backups},
    cache::KeyCache,
    committed::Committed,
    configuration::ConfigurationMark,
    data_keys::DataKeys,
    directory::{KeyDirectory, KeyEntry},
    environment::Environment,
    error::{VaultError, WrapAttempt},
    journal::Journal,
    kms_watch::KmsWatch,
    node::{Identity, Node, Rotation},
    operations::{configuration::guarded, wraps::wrapper_keys::WrapperKeyChecker},
    replica::Replica,
    rows,
    session_encryption::SessionCaches,
    session_signing::{SessionKeys, VerifiedDelegations},
    settings::Settings,
    topology::TopologyCell,
    uses::Uses,
    wraps::Wraps,
    write_watch::WriteWatch,
};

/// An open vault: its data key is in memory, its rows were authenticated.
///
/// All operations take `&self` and may run at once; those that write take turns. Dropping the vault, or
/// [`Vault::close`], wipes every opened key.
#[derive(Debug)]
pub struct Vault {
    id: VaultId,
    created_at: Timestamp,
    environment: Environment,
    settings: Settings,
    data_keys: ArcSwap<DataKeys>,
    /// Whoever changes which wraps there are, or which data keys: it takes several steps.
    wraps_turn: tokio::sync::Mutex<()>,
    /// Whoever rotates the wrapper key: one at a time, and nobody waits for that.
    rotation_turn: tokio::sync::Mutex<()>,
    /// Whoever moves a key into a KMS or out of it.
    migration_turn: tokio::sync::Mutex<()>,
    /// Each backup that is being made has it for reading: whoever removes what a backup may need waits for all of them.
    backups_under_way: tokio::sync::RwLock<()>,
    failed_before: Vec<WrapAttempt>,
    wraps: Arc<Wraps>,
    kms_watch: Arc<KmsWatch>,
    write_watch: WriteWatch,
    directory: Arc<KeyDirectory>,
    node: Node,
    journal: Journal,
    backups: Backups,
    approvals: Approvals,
    topology: Arc<TopologyCell>,
    caches: Arc<Caches>,
    committed: tokio::sync::Mutex<Committed>,
    /// The tag that is an anchor.
    tag: Option<Arc<Keeper>>,
    /// A commit was abandoned before anybody knew whether it was done: ask before a key is used.
    in_doubt: AtomicBool,
    /// The vault was restored, and signs nothing until somebody says that it may.
    quarantined: AtomicBool,
    /// The configuration that it takes somebody to leave, of the last commit: read at each use of a key.
    guarded: ArcSwapOption<ConfigurationMark>,
    /// None in a vault that one process has open.
    replica: Option<Replica>,
    /// Uses of keys whose records are on their way.
    uses: Uses,
    /// How often a key of a party failed, so that another one was asked to sign in its place.
    party_keys_passed_over: AtomicU64,
    background: Background,
    sweeper: JoinHandle<()>,
    wrapper_key_checks: Option<JoinHandle<()>>,
    tag_checkpoints: Option<JoinHandle<()>>,
}

/// Opened keys, by what they do.
#[derive(Debug)]
pub(crate) struct Caches {
    pub(crate) signing: KeyCache<SigningKey>,
    pub(crate) decryption: KeyCache<DecryptionKey>,
    pub(crate) session_encryption: Arc<SessionCaches>,
    pub(crate) session_keys: SessionKeys,
    /// How long session keys stay.
    session_eviction: Duration,
    /// Of others.
    pub(crate) verified: VerifiedDelegations,
}

/// What opening or creating found out.
pub(crate) struct Parts {
    pub(crate) id: VaultId,
    pub(crate) created_at: Timestamp,
    pub(crate) environment: Environment,
    pub(crate) settings: Settings,
    pub(crate) data_keys: Arc<DataKeys>,
    pub(crate) failed_before: Vec<WrapAttempt>,
    pub(crate) wraps: Wraps,
    pub(crate) kms_watch: KmsWatch,
    pub(crate) directory: KeyDirectory,
    pub(crate) node: Node,
    pub(crate) journal: Journal,
    pub(crate) backups: Backups,
    pub(crate) approvals: Approvals,
    pub(crate) committed: Committed,
    pub(crate) tag: Option<Arc<Keeper>>,
    /// By the clock's elapsed time, when the look at the store began.
    pub(crate) looked_at: Duration,
}

impl Vault {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            id,
            created_at,
            environment,
            settings,
            data_keys,
            failed_before,
            wraps,
            kms_watch,
            directory,
            node,
            journal,
            backups,
            approvals,
            committed,
            tag,
            looked_at,
        } = parts;
        let caches = Arc::new(Caches {
            signing: KeyCache::new(&settings.cache),
            decryption: KeyCache::new(&settings.cache),
            session_encryption: Arc::new(SessionCaches::new(&settings.session_encryption)),
            session_keys: SessionKeys::default(),
            session_eviction: settings
                .session_signing
                .as_ref()
                .map_or(Duration::ZERO, |session| session.eviction),
            verified: VerifiedDelegations::default(),
        });
        let sweeper = spawn_sweeper(&caches, &environment, &settings);
        let (wraps, kms_watch) = (Arc::new(wraps), Arc::new(kms_watch));
        let directory = Arc::new(directory);
        let checker = WrapperKeyChecker::new(&environment, &wraps, &directory, &kms_watch);
        let longest_change = settings.replica.longest_change;
        let replica = Replica::of(&environment, &committed, looked_at, longest_change);
        let every = settings.kms_watch.check_wrapper_keys_every;
        let wrapper_key_checks = every.map(|every| checker.spawn(every));
        let tag_every = settings.anchor_tag.as_ref().and_then(|tag| tag.every);
        let tag_checkpoints = tag.as_ref().zip(tag_every);
        let tag_checkpoints = tag_checkpoints.map(|(tag, every)| Keeper::spawn(tag, every));
        Self {
            id,
            created_at,
            environment,
            settings,
            data_keys: ArcSwap::new(data_keys),
            wraps_turn: tokio::sync::Mutex::default(),
            rotation_turn: tokio::sync::Mutex::default(),
            migration_turn: tokio::sync::Mutex::default(),
            backups_under_way: tokio::sync::RwLock::default(),
            failed_before,
            wraps,
            kms_watch,
            write_watch: WriteWatch::default(),
            directory,
            node,
            journal,
            backups,
            approvals,
            topology: Arc::default(),
            caches,
            quarantined: AtomicBool::new(committed.state.quarantine),
            guarded: ArcSwapOption::from_pointee(guarded(committed.state.configuration)),
            committed: tokio::sync::Mutex::new(committed),
            in_doubt: AtomicBool::new(false),
            replica,
            uses: Uses::default(),
            party_keys_passed_over: AtomicU64::new(0),
            tag,
            background: Background::default(),
            sweeper,
            wrapper_key_checks,
            tag_checkpoints,
        }
    }

    /// The vault's identity, random, 16 bytes.
    #[must_use]
    pub fn id(&self) -> VaultId {
        self.id
    }

    /// When the vault was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// The time by the vault's clock.
    #[must_use]
    pub fn current_time(&self) -> Timestamp {
        self.now()
    }

    /// How many keys the vault holds, public-only ones included.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.directory.len()
    }

    /// The node whose keys these are; none before [`Vault::initialize`].
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.node.identity()
    }

    /// Rotations of node keys that were begun and not finished, in the order in which they go on.
    #[must_use]
    pub fn rotations(&self) -> Vec<Rotation> {
        self.node.rotations()
    }

    /// The backups of the vault that it remembers, the oldest first.
    #[must_use]
    pub fn backups(&self) -> Vec<Backup> {
        self.backups.all()
    }

    /// Whether the vault was restored from a backup, or put back, and signs nothing until [`Vault::release`].
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.quarantined.load(Ordering::Acquire)
    }

    /// How many opened keys are in memory now.
    #[must_use]
    pub fn opened_keys(&self) -> usize {
        self.caches.signing.len() + self.caches.decryption.len()
    }

    /// Wipes the opened keys that nobody used for the configured time, and says how many those were.
    ///
    /// A task of the vault does this by itself from time to time; call it when it must happen now.
    pub fn sweep(&self) -> usize {
        self.caches.sweep(self.environment.clock.as_ref())
    }

    /// How many session keys are in memory now.
    #[must_use]
    pub fn session_keys(&self) -> usize {
        self.caches.session_keys.len()
    }

    /// How many delegations of session keys were verified and are remembered.
    #[must_use]
    pub fn verified_delegations(&self) -> usize {
        self.caches.verified.len()
    }

    /// Writes what was counted of uses into the audit log, and the newest checkpoint into the tag that is an anchor, wipes every
    /// opened key and closes the store.
    ///
    /// # Errors
    /// [`VaultError::Store`] when the store could not be closed cleanly; nothing is lost by it.
    /// [`VaultError::UseNotRecorded`] when uses could not be written into the audit log: their records are lost.
    pub async fn close(self) -> Result<(), VaultError> {
        // While the store closes, nobody is asked any more.
        self.end_tasks();
        self.caches.clear();
        let flushed = self.flush_audit().await;
        self.write_tag().await;
        self.environment.store.close().await?;
        flushed
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn party_keys_passed_over(&self) -> &AtomicU64 {
        &self.party_keys_passed_over
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The data keys as of the last commit. Within a unit of work they do not change.
    pub(crate) fn data_keys(&self) -> Arc<DataKeys> {
        self.data_keys.load_full()
    }

    pub(crate) fn replace_data_keys(&self, data_keys: Arc<DataKeys>) {
        self.data_keys.store(data_keys);
    }

    /// Held by whoever changes which wraps there are, or which data keys: what was wrapped must be what is there at the end.
    pub(crate) const fn wraps_turn(&self) -> &tokio::sync::Mutex<()> {
        &self.wraps_turn
    }

    pub(crate) const fn migration_turn(&self) -> &tokio::sync::Mutex<()> {
        &self.migration_turn
    }

    pub(crate) const fn backups_under_way(&self) -> &tokio::sync::RwLock<()> {
        &self.backups_under_way
    }

    pub(crate) const fn rotation_turn(&self) -> &tokio::sync::Mutex<()> {
        &self.rotation_turn
    }

    /// The wraps that come before that one in the configured order, and did not open the vault.
    pub(crate) fn failed_before(&self) -> &[WrapAttempt] {
        &self.failed_before
    }

    /// Asks about the wrapper keys of the vault.
    pub(crate) fn wrapper_key_checker(&self) -> WrapperKeyChecker {
        WrapperKeyChecker::new(
            &self.environment,
            &self.wraps,
            &self.directory,
            &self.kms_watch,
        )
    }

    pub(crate) fn wrap_records(&self) -> &Wraps {
        &self.wraps
    }

    pub(crate) const fn write_watch(&self) -> &WriteWatch {
        &self.write_watch
    }

    pub(crate) fn kms_watch(&self) -> &Arc<KmsWatch> {
        &self.kms_watch
    }

    pub(crate) fn directory(&self) -> &Arc<KeyDirectory> {
        &self.directory
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(crate) fn backup_records(&self) -> &Backups {
        &self.backups
    }

    pub(crate) fn approval_records(&self) -> &Approvals {
        &self.approvals
    }

    pub(crate) fn set_quarantine(&self, quarantine: bool) {
        self.quarantined.store(quarantine, Ordering::Release);
    }

    /// Refuses what would bring new signatures or keys into the world while nobody knows whether the vault's keys are
    /// still those of the node.
    pub(crate) fn check_released(&self) -> Result<(), VaultError> {
        if self.is_quarantined() {
            Err(VaultError::InQuarantine)
        } else {
            Ok(())
        }
    }

    /// This process among others; none if it is alone.
    pub(crate) const fn replica(&self) -> Option<&Replica> {
        self.replica.as_ref()
    }

    pub(crate) const fn uses(&self) -> &Uses {
        &self.uses
    }

    /// Runs what goes on when its caller goes.
    pub(crate) const fn background(&self) -> &Background {
        &self.background
    }

    pub(crate) fn topology_cell(&self) -> &Arc<TopologyCell> {
        &self.topology
    }

    pub(crate) fn caches(&self) -> &Arc<Caches> {
        &self.caches
    }

    pub(crate) const fn tag(&self) -> Option<&Arc<Keeper>> {
        self.tag.as_ref()
    }

    pub(crate) const fn guarded(&self) -> &ArcSwapOption<ConfigurationMark> {
        &self.guarded
    }

    pub(crate) fn committed(&self) -> &tokio::sync::Mutex<Committed> {
        &self.committed
    }

    /// Whether a commit was abandoned and nobody knows yet whether it was done; the one look of the signing path.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }

    pub(crate) fn begin_doubt(&self) {
        self.in_doubt.store(true, Ordering::Release);
    }

    pub(crate) fn end_doubt(&self) {
        self.in_doubt.store(false, Ordering::Release);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.environment.clock.now()
    }

    pub(crate) fn random(&self) -> &dyn Random {
        self.environment.random.as_ref()
    }

    /// Accepts a private row only if it is the very one that the vault authenticated or wrote last.
    pub(crate) fn authenticate(
        &self,
        entry: &KeyEntry,
        record: &PrivateKeyRecord,
    ) -> Result<(), VaultError> {
        let tag = rows::tag_private_key(record, &self.data_keys(), &mut Encoder::new())?;
        let known = entry
            .private
            .as_ref()
            .is_some_and(|private| private.tag.ct_eq(&tag).into());
        if known {
            Ok(())
        } else {
            Err(VaultError::RowNotAuthentic {
                table: rows::PRIVATE_KEYS,
                row: entry.fingerprint().to_string(),
            })
        }
    }
}

impl Vault {
    fn end_tasks(&self) {
        self.background.end();
        self.sweeper.abort();
        if let Some(checks) = &self.wrapper_key_checks {
            checks.abort();
        }
        if let Some(checkpoints) = &self.tag_checkpoints {
            checkpoints.abort();
        }
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.end_tasks();
        self.caches.clear();
    }
}

impl Caches {
    /// Wipes what is too old, and says how many opened keys that were.
    fn sweep(&self, clock: &dyn Clock) -> usize {
        let (now, elapsed) = (clock.now(), clock.elapsed());
        self.session_keys.sweep(self.session_eviction, elapsed);
        self.verified.sweep(elapsed);
        self.session_encryption.sweep(elapsed);
        self.signing.sweep(now) + self.decryption.sweep(now)
    }

    fn clear(&self) {
        self.signing.clear();
        self.decryption.clear();
        self.session_encryption.clear();
        self.session_keys.clear();
    }
}

/// Wipes expired keys in the background for as long as the vault lives.
fn spawn_sweeper(
    caches: &Arc<Caches>,
    environment: &Environment,
    settings: &Settings,
) -> JoinHandle<()> {
    let caches: Weak<Caches> = Arc::downgrade(caches);
    let clock = Arc::clone(&environment.clock);
    let session = &settings.session_encryption;
    let soonest = settings
        .cache
        .expire_after
        .min(session.sender.expire_after)
        .min(session.receiver.expire_after);
    let period = (soonest / 4).clamp(Duration::from_millis(100), Duration::from_secs(60));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(period).await;
            let Some(caches) = caches.upgrade() else {
                return;
            };
            caches.sweep(clock.as_ref());
        }
    })
}
