//! Session encryption keys: secrets that are encrypted to the same recipients once and used for a while, so that neither side
//! asks a KMS for every view (reference: session-keys, part B).

mod timed_cache;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use strongroom_crypto::{AsymmetricEncrypted, Fingerprint, Hash, HashBuilder, SecretBytes};
use strongroom_topology::{Member, StoreId};

pub(crate) use self::timed_cache::Owner;
use self::timed_cache::TimedCache;
use crate::{schemes::RequiredEncryption, settings::SessionEncryptionSettings, turns::Turns};

/// Who a view is for: a key of the cache, so that a secret is used for one group of recipients and never for another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecipientsTree {
    /// Those who get the view itself.
    pub members: BTreeSet<Member>,
    /// Those who get what it is a part of.
    pub children: Vec<Self>,
}

impl RecipientsTree {
    /// One for each tree, and as short for a large one as for a small one.
    pub(crate) fn hash(&self) -> Hash {
        let builder = HashBuilder::without_purpose().string("strongroom recipients v1");
        self.add_to(builder).finish()
    }

    fn add_to(&self, builder: HashBuilder) -> HashBuilder {
        let builder = builder.list(&self.members, |builder, member| {
            builder.string(&member.to_string())
        });
        builder.list(&self.children, |builder, child| child.add_to(builder))
    }
}

/// A secret for the views of one group of recipients, and its encryptions. The secret is wiped with the last use of the key.
pub struct SessionEncryptionKey {
    /// Tells this key from every other one of the process.
    id: u64,
    /// The key of the view that this one is a part of: whoever opens that one gets this secret as well.
    parent: Option<u64>,
    secret: Arc<SecretBytes>,
    encryptions: Vec<AsymmetricEncrypted>,
}

impl SessionEncryptionKey {
    /// 16 bytes, which are the AES-128 key of the view.
    #[must_use]
    pub fn secret(&self) -> &SecretBytes {
        &self.secret
    }

    /// The secret for each recipient, in the order of the members.
    #[must_use]
    pub fn encryptions(&self) -> &[AsymmetricEncrypted] {
        &self.encryptions
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id
    }
}

impl fmt::Debug for SessionEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEncryptionKey")
            .field("id", &self.id)
            .field("recipients", &self.encryptions.len())
            .finish_non_exhaustive()
    }
}

/// What a sender's key is kept under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SenderKey {
    /// Who asked: others are not given the secrets of their views. None: whoever uses the library.
    pub(crate) caller: Owner,
    /// Keys of one synchronizer tell the others nothing.
    pub(crate) store: StoreId,
    pub(crate) deterministic: bool,
    pub(crate) required: RequiredEncryption,
    /// The hash of the tree.
    pub(crate) recipients: Hash,
}

/// What the caches of a process have done and hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionEncryptionNumbers {
    /// Sender's keys that are held.
    pub sender_entries: usize,
    /// Views that got a key that was there.
    pub sender_hits: u64,
    /// Views that needed a new key.
    pub sender_misses: u64,
    /// Receiver's secrets that are held.
    pub receiver_entries: usize,
    /// Secrets that no private key was used for.
    pub receiver_hits: u64,
    /// Secrets that were decrypted.
    pub receiver_misses: u64,
}

/// The caches of a process, or of one transaction.
pub(crate) struct SessionCaches {
    sender: Mutex<TimedCache<SenderKey, Arc<SessionEncryptionKey>>>,
    /// By the hash of the encryption.
    receiver: Mutex<TimedCache<Hash, Received>>,
    /// Secrets that are being decrypted.
    pub(crate) turns: Arc<Turns<Hash>>,
    next_id: AtomicU64,
    counts: Counts,
}

/// A secret, and the key of this vault that it was encrypted to.
struct Received {
    secret: Arc<SecretBytes>,
    encrypted_for: Fingerprint,
}

#[derive(Default)]
struct Counts {
    sender: HitsAndMisses,
    receiver: HitsAndMisses,
}

#[derive(Default)]
struct HitsAndMisses {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl SessionCaches {
    pub(crate) fn new(settings: &SessionEncryptionSettings) -> Self {
        Self::with(
            TimedCache::bounded(settings.sender),
            TimedCache::bounded(settings.receiver),
        )
    }

    /// Without bounds: they end with the transaction.
    pub(crate) fn of_one_transaction() -> Self {
        Self::with(TimedCache::unbounded(), TimedCache::unbounded())
    }

    fn with(
        sender: TimedCache<SenderKey, Arc<SessionEncryptionKey>>,
        receiver: TimedCache<Hash, Received>,
    ) -> Self {
        Self {
            sender: Mutex::new(sender),
            receiver: Mutex::new(receiver),
            turns: Arc::default(),
            next_id: AtomicU64::default(),
            counts: Counts::default(),
        }
    }

    /// The sender's key, if it is encrypted to keys that are all among `active`, and its parent is `parent`: also none, since
    /// whoever opens the view above gets this secret with it. Any other one is revoked: a new key takes its place, and those below it in the tree no longer have it as their parent.
    pub(crate) fn reusable(
        &self,
        key: &SenderKey,
        parent: Option<u64>,
        active: &HashSet<Fingerprint>,
        now: Duration,
    ) -> Option<Arc<SessionEncryptionKey>> {
        let mut sender = self.sender.lock();
        let known = sender.get(key, now).cloned().filter(|known| {
            let mut keys = known.encryptions.iter().map(|it| it.encrypted_for);
            keys.all(|key| active.contains(&key)) && known.parent == parent
        });
        if known.is_none() {
            sender.remove(key);
        }
        drop(sender);
        self.counts.sender.count(known.is_some());
        known
    }

    /// Keeps a new secret for the views of `key`.
    pub(crate) fn keep_sent(
        &self,
        key: SenderKey,
        parent: Option<u64>,
        secret: &Arc<SecretBytes>,
        encryptions: Vec<AsymmetricEncrypted>,
        now: Duration,
    ) -> Arc<SessionEncryptionKey> {
        let made = Arc::new(SessionEncryptionKey {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            parent,
            secret: Arc::clone(secret),
            encryptions,
        });
        let owner = key.caller.clone();
        self.sender
            .lock()
            .insert(owner, key, Arc::clone(&made), now);
        made
    }

    /// The secret that this encryption holds, if it is known. Asked again by whoever waited for it: then it counts once.
    pub(crate) fn received(&self, encryption: &Hash, now: Duration) -> Option<Arc<SecretBytes>> {
        let mut receiver = self.receiver.lock();
        let known = receiver.get(encryption, now);
        let known = known.map(|known| Arc::clone(&known.secret));
        drop(receiver);
        if known.is_some() {
            self.counts.receiver.count(true);
        }
        known
    }

    /// A secret was decrypted.
    pub(crate) fn note_decrypted(&self) {
        self.counts.receiver.count(false);
    }

    /// Keeps a secret that was decrypted, or that this node made and encrypted to itself. To be called while its key is in the
    /// directory, which whoever deletes the key changes before [`Self::forget_those_for`].
    pub(crate) fn keep_received(
        &self,
        owner: Owner,
        encrypted: &AsymmetricEncrypted,
        secret: &Arc<SecretBytes>,
        now: Duration,
    ) {
        let received = Received {
            secret: Arc::clone(secret),
            encrypted_for: encrypted.encrypted_for,
        };
        let hash = encrypted.session_key_hash();
        self.receiver.lock().insert(owner, hash, received, now);
    }

    /// Forgets secrets that were encrypted to a key which is no longer here.
    pub(crate) fn forget_those_for(&self, key: &Fingerprint) {
        let is_kept = |received: &Received| received.encrypted_for != *key;
        self.receiver.lock().retain(is_kept);
        self.forget_sent_to(key);
    }

    /// Forgets what a sender encrypted to a key that nothing new is encrypted to.
    pub(crate) fn forget_sent_to(&self, key: &Fingerprint) {
        let is_to = |it: &AsymmetricEncrypted| it.encrypted_for == *key;
        let is_kept = |sent: &Arc<SessionEncryptionKey>| !sent.encryptions.iter().any(is_to);
        self.sender.lock().retain(is_kept);
    }

    pub(crate) fn numbers(&self, now: Duration) -> SessionEncryptionNumbers {
        self.sweep(now);
        SessionEncryptionNumbers {
            sender_entries: self.sender.lock().len(),
            sender_hits: self.counts.sender.hits.load(Ordering::Relaxed),
            sender_misses: self.counts.sender.misses.load(Ordering::Relaxed),
            receiver_entries: self.receiver.lock().len(),
            receiver_hits: self.counts.receiver.hits.load(Ordering::Relaxed),
            receiver_misses: self.counts.receiver.misses.load(Ordering::Relaxed),
        }
    }

    /// Forgets what has expired.
    pub(crate) fn sweep(&self, now: Duration) {
        self.sender.lock().sweep(now);
        self.receiver.lock().sweep(now);
    }

    pub(crate) fn clear(&self) {
        self.sender.lock().clear();
        self.receiver.lock().clear();
    }
}

impl HitsAndMisses {
    fn count(&self, hit: bool) {
        let count = if hit { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for SessionCaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCaches").finish_non_exhaustive()
    }
}
