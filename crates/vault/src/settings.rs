//! What a vault's owner chooses.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use strongroom_crypto::{KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_store::{Custody, Sealing};
use strongroom_topology::PhysicalSynchronizerId;

use crate::{configuration::ConfigurationMark, schemes::SynchronizerSchemes};

/// What a vault's owner chooses; the defaults are safe.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where new private keys are kept.
    pub custody: CustodyDefaults,
    /// How long opened keys stay in memory.
    pub cache: CacheSettings,
    /// How long the secrets of session encryption keys are used.
    pub session_encryption: SessionEncryptionSettings,
    /// How the key management systems are watched.
    pub kms_watch: KmsWatchSettings,
    /// Keys that are sealed although their custody is `clear` are stored readable at the next start. Without this they
    /// stay sealed: that their protection ends is to be said twice.
    pub reverted: bool,
    /// How rows move to a new data key.
    pub rotation: RotationSettings,
    /// How old keys in use may become before opening warns of them.
    pub max_key_age: KeyAgeLimits,
    /// What a process does that is not the only one on its store.
    pub replica: ReplicaSettings,
    /// The tag of a wrapper key that is an anchor; none: there is no such anchor.
    pub anchor_tag: Option<AnchorTagSettings>,
    /// What needs a second person.
    pub approvals: ApprovalSettings,
    /// The configuration that all of this comes from; none: it comes from no file. A vault that remembers that changes of it need a
    /// second person lets through nothing that may need one, unless this is the remembered one.
    pub configuration: Option<ConfigurationMark>,
    /// How the audit log is kept.
    pub audit: AuditSettings,
    /// Keys in memory that sign messages of the protocol for keys that a KMS holds; none: those sign every message themselves.
    pub session_signing: Option<SessionSigningSettings>,
    /// So far ahead of the clock of this machine the time of a payload may be, or of a message that a session key signs.
    pub clock_tolerance: Duration,
    /// What synchronizers take of signatures and encryptions; those that are not here take everything.
    pub synchronizers: BTreeMap<PhysicalSynchronizerId, SynchronizerSchemes>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            custody: CustodyDefaults::default(),
            cache: CacheSettings::default(),
            session_encryption: SessionEncryptionSettings::default(),
            kms_watch: KmsWatchSettings::default(),
            reverted: false,
            rotation: RotationSettings::default(),
            max_key_age: KeyAgeLimits::default(),
            replica: ReplicaSettings::default(),
            anchor_tag: None,
            approvals: ApprovalSettings::default(),
            configuration: None,
            audit: AuditSettings::default(),
            session_signing: None,
            clock_tolerance: Duration::from_secs(300),
            synchronizers: BTreeMap::new(),
        }
    }
}

/// How the audit log is kept.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// After so many records the audit key signs a checkpoint, in the same commit.
    pub records_per_checkpoint: NonZeroU64,
    /// How often a checkpoint is signed while the vault is open for long.
    pub checkpoint_every: Duration,
    /// Which records there are of uses of keys.
    pub uses: UseRecords,
    /// For how long uses are counted before their record is written, where they are batched.
    pub window: Duration,
}

/// Which records there are of signatures and decryptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UseRecords {
    /// None.
    #[default]
    Off,
    /// Counts by caller, key, operation and usage, written from time to time: those of the last moments are lost in a crash.
    Batched,
    /// A record for each, durable before the answer leaves.
    Each,
}

impl UseRecords {
    /// The stable name: `off`, `batched`, `each`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Batched => "batched",
            Self::Each => "each",
        }
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            records_per_checkpoint: NonZeroU64::new(4096).unwrap_or(NonZeroU64::MIN),
            checkpoint_every: Duration::from_secs(3600),
            uses: UseRecords::Off,
            window: Duration::from_secs(10),
        }
    }
}

/// Session keys: how long they are valid, and how far from the ends of that they are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSigningSettings {
    /// For so many seconds a session key is valid.
    pub validity: NonZeroU32,
    /// The validity of a new key begins so long before the time of the first message.
    pub tolerance: Duration,
    /// Where the time of the state is known about only, a key is used no nearer to the ends of its validity than this.
    pub cut_off: Duration,
    /// So long after it was made a key is wiped.
    pub eviction: Duration,
    /// The spec of session keys.
    pub spec: SigningKeySpec,
    /// Also in the place of keys that no KMS holds, which spares nothing.
    pub every_custody: bool,
}

impl Default for SessionSigningSettings {
    /// Canton's.
    fn default() -> Self {
        const MINUTES_5: NonZeroU32 = NonZeroU32::MIN.saturating_add(299);
        Self {
            validity: MINUTES_5,
            tolerance: Duration::from_secs(120),
            cut_off: Duration::from_secs(60),
            eviction: Duration::from_secs(600),
            spec: SigningKeySpec::EcCurve25519,
            every_custody: false,
        }
    }
}

/// What needs a second person.
#[derive(Clone, Debug)]
pub struct ApprovalSettings {
    /// The names of the operations that need one: `keys.delete`. Faces say which operation a request is.
    pub operations: BTreeSet<String>,
    /// Who may say yes or no, as the audit log names them; empty: everybody but the requester whom the face lets.
    pub approvers: BTreeSet<String>,
    /// A request counts for so long, answered or not.
    pub expire_after: Duration,
    /// Whether a requester may go on without a second person by naming a reason.
    pub break_glass: bool,
}

impl Default for ApprovalSettings {
    fn default() -> Self {
        Self {
            operations: BTreeSet::new(),
            approvers: BTreeSet::new(),
            expire_after: Duration::from_secs(24 * 3600),
            break_glass: false,
        }
    }
}

/// What a process does that is not the only one on its store.
#[derive(Clone, Debug)]
pub struct ReplicaSettings {
    /// Whether it may become the one that writes.
    pub writes: bool,
    /// A change waits for so long for a lease whose holder may turn out to be gone.
    pub wait_for_lease: Duration,
    /// How often it looks for what others committed, told or not.
    pub look_every: Duration,
    /// It uses keys for so long after it last looked; a key that was retired or deleted meanwhile may be used for so long. After
    /// that every use looks first.
    pub use_without_store: Duration,
    /// Every use of a key looks before it and after it, so that nothing leaves that was done with a key which another process had
    /// retired. Costs two small reads.
    pub strict: bool,
    /// A change that takes longer is stuck: this process no longer says that it lives, so that another one takes over.
    pub longest_change: Duration,
}

impl Default for ReplicaSettings {
    fn default() -> Self {
        Self {
            writes: true,
            wait_for_lease: Duration::from_secs(10),
            look_every: Duration::from_secs(1),
            use_without_store: Duration::from_secs(30),
            strict: false,
            longest_change: Duration::from_secs(120),
        }
    }
}

/// How old keys in use may become; none: as old as they like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyAgeLimits {
    /// Keys that sign topology for a namespace.
    pub namespace: Option<Duration>,
    /// Keys with which the node authenticates itself to sequencers.
    pub sequencer_auth: Option<Duration>,
    /// Keys that sign messages of the protocol.
    pub protocol: Option<Duration>,
    /// Keys that others encrypt to.
    pub encryption: Option<Duration>,
    /// Wrapper keys, and the data keys that they wrap.
    pub wrapper_key: Option<Duration>,
}

/// How rows move to a new data key.
#[derive(Clone, Debug)]
pub struct RotationSettings {
    /// Keys that move in one commit: other writers wait for no more than that. At least 1.
    pub keys_per_commit: usize,
}

impl Default for RotationSettings {
    fn default() -> Self {
        Self {
            // Each commit writes the anchor twice; so many keys take a tenth of a second, in which nobody else writes.
            keys_per_commit: 4000,
        }
    }
}

/// The custody of new keys.
#[derive(Clone, Debug)]
pub struct CustodyDefaults {
    /// Custody of signing keys, by the first of their usages that is named here.
    pub by_usage: Vec<(KeyUsage, Custody)>,
    /// Custody of every other signing key.
    pub signing: Custody,
    /// Custody of encryption keys.
    pub encryption: Custody,
    /// How rows of custody `envelope` are sealed.
    pub sealing: Sealing,
    /// The configured name of the KMS that makes new keys of custody `external`; none takes the first that holds any.
    pub external_kms: Option<String>,
    /// How long a key that left the vault stays in a KMS that destroys at once when it is told to. Until then that can be
    /// cancelled. Zero asks such a KMS at once, too.
    pub destroy_after: Duration,
}

impl Default for CustodyDefaults {
    fn default() -> Self {
        Self {
            by_usage: Vec::new(),
            signing: Custody::Envelope,
            encryption: Custody::Envelope,
            sealing: Sealing::DataKey,
            external_kms: None,
            // As long as clouds wait at least.
            destroy_after: Duration::from_secs(7 * 86_400),
        }
    }
}

impl CustodyDefaults {
    /// The custody of a new signing key with `usages`.
    #[must_use]
    pub fn for_signing(&self, usages: KeyUsages) -> Custody {
        self.by_usage
            .iter()
            .find(|(usage, _)| usages.contains(*usage))
            .map_or(self.signing, |(_, custody)| *custody)
    }

    /// The custody of a key with `usages`; none is an encryption key.
    #[must_use]
    pub fn of_key(&self, usages: Option<KeyUsages>) -> Custody {
        usages.map_or(self.encryption, |usages| self.for_signing(usages))
    }
}

/// Bounds of the cache of opened keys.
#[derive(Clone, Copy, Debug)]
pub struct CacheSettings {
    /// At most this many opened keys of each purpose; at least one is kept.
    pub capacity: usize,
    /// An opened key that nobody used for this long is wiped.
    pub expire_after: Duration,
    /// A key that its KMS sealed itself is kept for this long after its last use, if that is longer: it is used again only
    /// if its KMS does not work and so cannot open it. Zero keeps none.
    pub keep_while_kms_is_down: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            expire_after: Duration::from_secs(3600),
            keep_while_kms_is_down: Duration::ZERO,
        }
    }
}

/// How long the secrets of session encryption keys are used, as Canton does by default.
#[derive(Clone, Copy, Debug)]
pub struct SessionEncryptionSettings {
    /// Whether secrets outlive the transaction that they were made or decrypted for.
    pub enabled: bool,
    /// What this node encrypts under.
    pub sender: SessionCacheBounds,
    /// What this node has decrypted.
    pub receiver: SessionCacheBounds,
}

/// Bounds of a cache of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCacheBounds {
    /// At most this many secrets; at least one is kept.
    pub maximum_size: usize,
    /// A secret is wiped so long after it came, used or not.
    pub expire_after: Duration,
}

impl Default for SessionEncryptionSettings {
    fn default() -> Self {
        let bounds = SessionCacheBounds {
            maximum_size: 10_000,
            expire_after: Duration::from_secs(10),
        };
        Self {
            enabled: true,
            sender: bounds,
            receiver: bounds,
        }
    }
}

/// How key management systems are watched while the vault is open.
#[derive(Clone, Copy, Debug)]
pub struct KmsWatchSettings {
    /// How often the state of each wrapper key in use is asked for, one call each; for the first time after this long, so
    /// that opening costs nothing more. A KMS that was found not to work is asked by one call each 30 seconds meanwhile, until it
    /// does. None: only when [`Vault::check_wrapper_keys`](crate::Vault::check_wrapper_keys) is called.
    pub check_wrapper_keys_every: Option<Duration>,
}

impl Default for KmsWatchSettings {
    fn default() -> Self {
        Self {
            check_wrapper_keys_every: Some(Duration::from_secs(3600)),
        }
    }
}

impl Settings {
    /// Whether new keys of some usage are stored readable.
    #[must_use]
    pub fn keeps_clear_keys(&self) -> bool {
        let custody = &self.custody;
        let all = custody.by_usage.iter().map(|(_, custody)| *custody);
        all.chain([custody.signing, custody.encryption])
            .any(|custody| custody == Custody::Clear)
    }
}

/// The tag of a wrapper key that is an anchor of the vault, beside the file or instead of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorTagSettings {
    /// The configured name of the KMS, which must have a wrap of the vault.
    pub kms: String,
    /// How often the tag is written at most while commits happen; none: at the end, and at the acts that need it, only.
    pub every: Option<Duration>,
}
