//! The node's identity and its announced keys.

#[path = "topology/acts.rs"]
pub(crate) mod acts;
#[path = "topology/adding.rs"]
mod adding;
#[path = "topology/announcing.rs"]
mod announcing;
#[path = "topology/certificates.rs"]
mod certificates;
#[path = "topology/choosing.rs"]
mod choosing;
#[path = "topology/concurrency.rs"]
mod concurrency;
#[path = "topology/crashes.rs"]
mod crashes;
#[path = "topology/deleting.rs"]
mod deleting;
#[path = "topology/faults.rs"]
mod faults;
#[path = "topology/identity.rs"]
mod identity;
#[path = "topology/model.rs"]
mod model;
#[path = "topology/operator.rs"]
mod operator;
#[path = "topology/own_keys.rs"]
mod own_keys;
#[path = "topology/picture.rs"]
pub(crate) mod picture;
#[path = "topology/rotation.rs"]
mod rotation;
#[path = "topology/rotation_crashes.rs"]
mod rotation_crashes;
#[path = "topology/rotation_places.rs"]
mod rotation_places;
#[path = "topology/snapshots.rs"]
mod snapshots;
#[path = "topology/statements.rs"]
pub(crate) mod statements;
#[path = "topology/synchronizers.rs"]
pub(crate) mod synchronizers;

use std::collections::BTreeSet;

use strongroom_crypto::{EncryptionKeySpec, Fingerprint, KeyUsage, SigningKeySpec};
use strongroom_topology::{At, MemberCode, OwnerToKeyMapping, StoreId};
use strongroom_vault::{NewIdentity, NodeKeys, Rotate, RotationStep, Vault};

use crate::house::{House, caller};

/// Waits for every synchronizer.
pub(crate) static PATIENT: BTreeSet<StoreId> = BTreeSet::new();

/// A participant called `alice`.
pub(crate) fn participant() -> NewIdentity {
    NewIdentity {
        code: MemberCode::Participant,
        identifier: "alice".to_owned(),
        node: "alice".to_owned(),
        intermediate_key: false,
        signing_spec: SigningKeySpec::EcCurve25519,
        encryption_spec: EncryptionKeySpec::EcP256,
    }
}

pub(crate) fn with_intermediate_key() -> NewIdentity {
    NewIdentity {
        intermediate_key: true,
        ..participant()
    }
}

/// A vault of a participant.
pub(crate) async fn node(house: &House) -> (Vault, NodeKeys) {
    let vault = house.create().await;
    let keys = vault.initialize(&caller(), &participant()).await.unwrap();
    (vault, keys)
}

/// What is announced for the vault's own node.
pub(crate) async fn announced(vault: &Vault) -> Option<OwnerToKeyMapping> {
    let member = vault.identity().unwrap().member;
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    store.owner_to_key(&member, At::Head).cloned()
}

pub(crate) async fn announced_keys(vault: &Vault) -> Vec<Fingerprint> {
    let mapping = announced(vault).await.unwrap();
    mapping.keys().iter().map(|key| key.fingerprint()).collect()
}

/// The serial of what is announced for the vault's own node.
pub(crate) async fn serial(vault: &Vault) -> u32 {
    let member = vault.identity().unwrap().member;
    let store = vault.topology(&StoreId::Authorized).await.unwrap();
    let mapping = store.owner_to_key(&member, At::Head).unwrap();
    let key = strongroom_topology::Mapping::OwnerToKeyMapping(mapping.clone()).unique_key();
    store
        .in_store(&key)
        .unwrap()
        .signed
        .transaction()
        .serial()
        .get()
}

/// Lets every rotation under way run to its end.
pub(crate) async fn finish_rotations(vault: &Vault) -> Vec<RotationStep> {
    let mut steps = Vec::new();
    while let Some(step) = vault.advance_rotation(&caller(), &PATIENT).await.unwrap() {
        assert!(!matches!(step, RotationStep::Waiting { .. }), "{step:?}");
        steps.push(step);
    }
    steps
}

/// Begins to rotate one key.
pub(crate) async fn begin_rotation(vault: &Vault, old: Fingerprint) {
    let which = Rotate::one(old);
    vault.begin_rotation(&caller(), which).await.unwrap();
}

pub(crate) async fn rotate_all(vault: &Vault) {
    vault
        .begin_rotation(&caller(), Rotate::all())
        .await
        .unwrap();
    finish_rotations(vault).await;
}

pub(crate) async fn protocol_key(vault: &Vault) -> Fingerprint {
    vault.current_signing_key(KeyUsage::Protocol).await.unwrap()
}
