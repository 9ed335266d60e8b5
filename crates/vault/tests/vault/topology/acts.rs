//! Every act on topology, and how to tell whether it was done.

use std::{collections::BTreeMap, sync::Arc};

use strongroom_crypto::{Fingerprint, KeyUsage, KeyUsages, PrivateKey, PublicKey, SigningKeySpec};
use strongroom_proto::topology::SnapshotItem;
use strongroom_store::KeyState;
use strongroom_test_support::SeededRandom;
use strongroom_topology::{ForceFlags, Restriction, SignedTransaction, StoreId};
use strongroom_vault::{Proposal, Rotate, Vault, VaultError};

use super::{
    PATIENT, node,
    picture::TopologyPicture,
    protocol_key,
    statements::{authorize, delegate, delegation, namespace, rows},
    synchronizers::{second, sequence, store},
    with_intermediate_key,
};
use crate::house::{House, KeyPicture, all_keys, caller, signing_key};

/// An act that is one unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Authorize,
    AnnounceOne,
    WithdrawOne,
    /// Two transactions, of which the first one is rejected.
    Add,
    BeginRotation,
    Announce,
    Withdraw,
    RetireRotated,
    Abandon,
    Sequence,
    Import,
}

impl Act {
    pub(crate) const ALL: [Self; 11] = [
        Self::Authorize,
        Self::AnnounceOne,
        Self::WithdrawOne,
        Self::Add,
        Self::BeginRotation,
        Self::Announce,
        Self::Withdraw,
        Self::RetireRotated,
        Self::Abandon,
        Self::Sequence,
        Self::Import,
    ];

    /// How many steps a rotation has made before the act; none if none was begun.
    fn steps(self) -> Option<usize> {
        match self {
            Self::Announce | Self::Abandon => Some(0),
            Self::Withdraw => Some(1),
            Self::RetireRotated => Some(2),
            _ => None,
        }
    }

    pub(crate) async fn run(self, vault: &Vault, stage: &Stage) -> Result<(), VaultError> {
        let caller = &caller();
        match self {
            Self::Authorize => {
                let mapping = delegation(&namespace(vault), &stranger(), Restriction::AllMappings);
                authorize(vault, Proposal::announce(mapping))
                    .await
                    .map(drop)
            }
            Self::AnnounceOne => vault.announce_key(caller, &stage.spare).await.map(drop),
            Self::WithdrawOne => vault.withdraw_key(caller, &stage.spare).await.map(drop),
            Self::Add => {
                let (store, force) = (StoreId::Authorized, ForceFlags::default());
                vault
                    .add_transactions(caller, &store, stage.foreign.clone(), force)
                    .await
                    .map(drop)
            }
            Self::BeginRotation => vault.begin_rotation(caller, Rotate::all()).await.map(drop),
            Self::Announce | Self::Withdraw | Self::RetireRotated => {
                vault.advance_rotation(caller, &PATIENT).await.map(drop)
            }
            Self::Abandon => vault.abandon_rotations(caller).await.map(drop),
            Self::Sequence => sequence(vault, second(0), stage.foreign.clone())
                .await
                .map(drop),
            Self::Import => {
                let items = stage.foreign.iter().map(|signed| SnapshotItem {
                    sequenced: second(0).sequenced,
                    valid_from: second(0).effective,
                    valid_until: None,
                    signed: signed.clone(),
                    rejection: None,
                });
                vault
                    .import_snapshot(caller, &store(), items.collect())
                    .await
                    .map(drop)
            }
        }
    }

    /// Whether `after` has what this act adds to `before`, and nothing else.
    pub(crate) fn is_done(self, before: &Scene, after: &Scene) -> bool {
        let mut expected = before.shape();
        match self {
            Self::Authorize
            | Self::AnnounceOne
            | Self::WithdrawOne
            | Self::Announce
            | Self::Withdraw => expected.own += 1,
            Self::Add => expected.own += 2,
            Self::BeginRotation => {
                expected.rotations += 3;
                expected.keys += 3;
            }
            Self::RetireRotated => {
                expected.rotations -= 1;
                expected.retired += 1;
            }
            Self::Abandon => expected.rotations -= 1,
            Self::Sequence | Self::Import => expected.followed += 2,
        }
        expected.audit_records += match self {
            // Each new key and each rotation has its own.
            Self::BeginRotation => 6,
            _ => 1,
        };
        expected == after.shape()
    }
}

/// A key that is in no vault.
fn stranger() -> strongroom_crypto::SigningPublicKey {
    let random = SeededRandom::new(4711);
    let private = PrivateKey::generate(SigningKeySpec::EcCurve25519.into(), &random).unwrap();
    let usages = KeyUsages::only(KeyUsage::Namespace);
    match private.public_key(Some(usages)).unwrap() {
        PublicKey::Signing(key) => key,
        PublicKey::Encryption(_) => panic!("a signing key was wanted"),
    }
}

/// A closed vault in which an act can be done.
pub(crate) struct Stage {
    pub(crate) house: House,
    /// Of another node: a delegation, and the root certificate that it needs.
    foreign: Vec<SignedTransaction>,
    /// Retired already.
    pub(crate) retired: Fingerprint,
    /// One more key that the node could announce.
    spare: Fingerprint,
}

impl Stage {
    /// A vault that waits for its identity.
    pub(crate) async fn empty() -> Self {
        let house = House::new();
        let vault = house.create().await;
        Self::of(None, house, vault, Vec::new()).await
    }

    pub(crate) async fn before(act: Act) -> Self {
        let house = House::new();
        let (vault, _) = node(&house).await;
        if let Some(steps) = act.steps() {
            let old = protocol_key(&vault).await;
            let which = Rotate::one(old);
            vault.begin_rotation(&caller(), which).await.unwrap();
            for _ in 0..steps {
                vault.advance_rotation(&caller(), &PATIENT).await.unwrap();
            }
        }
        let other_house = House::numbered(2);
        let (other, _) = node(&other_house).await;
        delegate(&other, Restriction::AllMappings).await;
        let rows = rows(&other).await;
        let foreign = [&rows[2], &rows[0]].map(|row| row.signed.as_ref().clone());
        Self::of(Some(act), house, vault, foreign.to_vec()).await
    }

    async fn of(
        act: Option<Act>,
        house: House,
        vault: Vault,
        foreign: Vec<SignedTransaction>,
    ) -> Self {
        let spare = signing_key(&vault).await;
        if act == Some(Act::WithdrawOne) {
            vault.announce_key(&caller(), &spare).await.unwrap();
        }
        let retired = signing_key(&vault).await;
        vault.retire_key(&caller(), &retired).await.unwrap();
        vault.close().await.unwrap();
        Self {
            house,
            foreign,
            retired,
            spare,
        }
    }

    /// Lets the vault find out about whatever is under way.
    pub(crate) async fn settle(&self, vault: &Vault) {
        vault.retire_key(&caller(), &self.retired).await.unwrap();
    }
}

/// Makes the node's identity, in many units of work.
pub(crate) async fn initialize(vault: &Vault) -> Result<(), VaultError> {
    let made = vault.initialize(&caller(), &with_intermediate_key()).await;
    made.map(drop)
}

/// All that an act may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scene {
    pub(crate) topology: TopologyPicture,
    pub(crate) keys: BTreeMap<Fingerprint, KeyPicture>,
    audit_records: u64,
}

/// How much of everything there is.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    own: usize,
    followed: usize,
    rotations: usize,
    keys: usize,
    retired: usize,
    audit_records: u64,
}

impl Scene {
    pub(crate) async fn of(vault: &Vault) -> Self {
        let entries: Vec<Arc<_>> = all_keys(vault);
        let keys = entries.iter();
        let mut audit_records = 0;
        vault.walk_audit(|_| audit_records += 1).await.unwrap();
        Self {
            topology: TopologyPicture::of(vault).await,
            keys: keys
                .map(|entry| (entry.fingerprint(), KeyPicture::of(entry)))
                .collect(),
            audit_records,
        }
    }

    /// What is there after a crash at this moment.
    pub(crate) async fn after_crash(house: &House) -> Self {
        let copy = house.copy();
        let vault = copy.open().await;
        let scene = Self::of(&vault).await;
        vault.close().await.unwrap();
        scene
    }

    fn shape(&self) -> Shape {
        let rows = |id| self.topology.stores.get(&id).map_or(0, Vec::len);
        let is_retired = |key: &&KeyPicture| {
            let half = key.private.as_ref();
            half.is_some_and(|half| half.state == KeyState::Retired)
        };
        Shape {
            own: rows(StoreId::Authorized),
            followed: rows(store()),
            rotations: self.topology.rotations.len(),
            keys: self.keys.len(),
            retired: self.keys.values().filter(is_retired).count(),
            audit_records: self.audit_records,
        }
    }
}
