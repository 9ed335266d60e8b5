//! One of the two nodes, and what the model says of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::sample::Index;
use strongroom_crypto::{Fingerprint, SigningPublicKey};
use strongroom_topology::{
    At, ForceFlags, Mapping, Member, Restriction, Rules, SignedTransaction, StoreId, Times,
    TopologyStore,
};
use strongroom_vault::{NewIdentity, Proposal, Rotate, RotationStep, Vault};

use crate::{
    house::{House, caller, code},
    topology::{
        PATIENT, participant,
        picture::{RowPicture, TopologyPicture},
        statements::{
            add, authorize, delegate, delegation, namespace, outcomes, party, protocol_key_of,
            rows, signers,
        },
    },
};

pub(super) struct Side {
    name: &'static str,
    house: House,
    vault: Option<Vault>,
    /// The keys that the model says are announced; none before there is an identity.
    announced: Option<Vec<Fingerprint>>,
    /// Keys that may sign for the namespace besides the root.
    delegates: Vec<SigningPublicKey>,
    /// Retired keys, and how many rows there were then.
    retired: BTreeMap<Fingerprint, usize>,
    /// How many rows were told to the synchronizer.
    told: usize,
    parties: usize,
}

impl Side {
    pub(super) async fn new(name: &'static str, number: i64) -> Self {
        let house = House::numbered(number);
        let vault = house.create().await;
        Self {
            name,
            house,
            vault: Some(vault),
            announced: None,
            delegates: Vec::new(),
            retired: BTreeMap::new(),
            told: 0,
            parties: 0,
        }
    }

    pub(super) fn vault(&self) -> &Vault {
        self.vault.as_ref().unwrap()
    }

    pub(super) fn is_node(&self) -> bool {
        self.announced.is_some()
    }

    /// How many rotations are under way.
    pub(super) fn rotations(&self) -> usize {
        self.vault().rotations().len()
    }

    /// Who the node is and which keys it announces, if it does.
    pub(super) fn announced(&self) -> Option<(Member, Vec<Fingerprint>)> {
        let keys = self.announced.clone()?;
        Some((self.vault().identity().unwrap().member, keys))
    }

    /// What was accepted since the synchronizer was told the last time.
    pub(super) async fn news(&mut self) -> Vec<SignedTransaction> {
        let rows = rows(self.vault()).await.split_off(self.told);
        self.told += rows.len();
        let accepted = rows.into_iter().filter(|row| row.is_accepted());
        accepted
            .map(|row| Arc::unwrap_or_clone(row.signed))
            .collect()
    }

    pub(super) async fn initialize(&mut self) {
        let new = NewIdentity {
            identifier: self.name.to_owned(),
            node: self.name.to_owned(),
            ..participant()
        };
        let keys = self.vault().initialize(&caller(), &new).await.unwrap();
        let keys = keys.announced.keys().iter().map(|key| key.fingerprint());
        let keys: Vec<_> = keys.collect();
        assert_eq!(self.announced.get_or_insert_with(|| keys.clone()), &keys);
    }

    pub(super) async fn delegate(&mut self) {
        let key = delegate(self.vault(), Restriction::AllMappings).await;
        self.delegates.push(key);
    }

    pub(super) async fn revoke(&mut self, index: &Index) {
        if self.delegates.is_empty() {
            return;
        }
        let key = self.delegates.remove(index.index(self.delegates.len()));
        let mapping = delegation(&namespace(self.vault()), &key, Restriction::AllMappings);
        let revoked = authorize(self.vault(), Proposal::revoke(mapping)).await;
        assert!(!signers(&revoked.unwrap().signed).contains(&key.fingerprint()));
    }

    async fn party(&mut self, key: &SigningPublicKey) -> Mapping {
        self.parties += 1;
        let name = format!("party-{}", self.parties);
        party(&namespace(self.vault()), &name, &[key])
    }

    pub(super) async fn announce_party(&mut self) {
        let key = protocol_key_of(self.vault()).await;
        let mapping = self.party(&key).await;
        authorize(self.vault(), Proposal::announce(mapping))
            .await
            .unwrap();
    }

    pub(super) async fn propose(&mut self, other: &Self) {
        let key = protocol_key_of(other.vault()).await;
        let proposal = Proposal {
            must_fully_authorize: false,
            ..Proposal::announce(self.party(&key).await)
        };
        let proposed = authorize(self.vault(), proposal).await.unwrap().signed;
        let (own, force) = (StoreId::Authorized, ForceFlags::default());
        let signed = other
            .vault()
            .sign_transactions(&caller(), &own, vec![proposed], &[], force)
            .await
            .unwrap();
        let added = add(self.vault(), signed).await.unwrap();
        assert_eq!(outcomes(&added), ["accepted"]);
    }

    pub(super) async fn begin_rotation(&mut self) {
        let under_way = self.rotations() > 0;
        let begun = self.vault().begin_rotation(&caller(), Rotate::all()).await;
        if !self.is_node() {
            assert_eq!(code(begun), "NOT_IDENTIFIED");
        } else if under_way {
            assert_eq!(code(begun), "ROTATION_UNDER_WAY");
        } else {
            let old: Vec<_> = begun.unwrap().iter().map(|rotation| rotation.old).collect();
            assert_eq!(Some(&old), self.announced.as_ref());
        }
    }

    pub(super) async fn advance(&mut self) {
        let rotation = self.vault().rotations().into_iter().next();
        let step = self
            .vault()
            .advance_rotation(&caller(), &PATIENT)
            .await
            .unwrap();
        let Some(step) = step else {
            return assert!(rotation.is_none());
        };
        let announced = self.announced.as_mut().unwrap();
        match step {
            RotationStep::Announced(it) => announced.push(it.new),
            RotationStep::Withdrawn(it) => announced.retain(|key| *key != it.old),
            RotationStep::Retired(it) => {
                assert_eq!(Some(it.old), rotation.map(|rotation| rotation.old));
                let rows = rows(self.vault()).await.len();
                self.retired.insert(it.old, rows);
            }
            _waits => {}
        }
    }

    pub(super) async fn abandon(&mut self) {
        self.vault().abandon_rotations(&caller()).await.unwrap();
    }

    pub(super) async fn reopen(&mut self) {
        let before = TopologyPicture::of(self.vault()).await;
        self.vault.take().unwrap().close().await.unwrap();
        self.vault = Some(self.house.open().await);
        assert_eq!(TopologyPicture::of(self.vault()).await, before);
    }

    pub(super) async fn crash(&mut self) {
        let before = TopologyPicture::of(self.vault()).await;
        let left = self.house.copy();
        drop(self.vault.take());
        self.house = left;
        self.vault = Some(self.house.open().await);
        assert_eq!(TopologyPicture::of(self.vault()).await, before);
    }

    /// The vault says what the model says, and its rows are what they must be.
    pub(super) async fn check(&mut self) {
        let own = StoreId::Authorized;
        let identity = self.vault().identity();
        assert_eq!(identity.is_some(), self.is_node());
        if let Some(identity) = identity {
            let view = self.vault().topology(&own).await.unwrap();
            let mapping = view.owner_to_key(&identity.member, At::Head).unwrap();
            let keys: Vec<_> = mapping.keys().iter().map(|key| key.fingerprint()).collect();
            assert_eq!(Some(keys), self.announced);
        }
        self.check_retired().await;
        for id in self.vault().topology_stores().await.unwrap() {
            let view = self.vault().topology(&id).await.unwrap();
            check_serials(&view);
            check_replay(&view);
        }
    }

    async fn check_retired(&self) {
        let rows = rows(self.vault()).await;
        for (key, since) in &self.retired {
            let usages = self.vault().key(key).unwrap().usages();
            let Some(usages) = usages else { continue };
            let refused = self.vault().sign(key, b"message", usages).await;
            assert_eq!(code(refused), "KEY_RETIRED");
            let after = rows.iter().skip(*since);
            let signed = after.filter(|row| row.signed.signature_by(key).is_some());
            assert_eq!(signed.count(), 0, "{key} has signed after it was retired");
        }
    }
}

/// Serials only grow, by one; a statement that only got more signatures keeps its own.
fn check_serials(store: &TopologyStore) {
    let mut serials = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for row in store.rows().iter().filter(|row| row.is_accepted()) {
        let transaction = row.signed.transaction();
        let serial = transaction.serial().get();
        let is_new = seen.insert(transaction.hash());
        let before = serials.insert(*transaction.unique_key().as_bytes(), serial);
        if let Some(before) = before {
            assert_eq!(serial, before + u32::from(is_new));
        }
    }
}

/// What is stored gives the same store again when all of it is decided anew.
fn check_replay(store: &TopologyStore) {
    let rules = match store.id() {
        StoreId::Authorized => Rules::authorized(),
        _ => Rules::synchronizer(),
    };
    let mut again = TopologyStore::new(store.id().clone());
    for row in store.rows() {
        let times = Times {
            sequenced: row.sequenced,
            effective: row.valid_from,
        };
        let signed = row.signed.as_ref().clone();
        again.process(signed, times, &rules);
    }
    let picture =
        |store: &TopologyStore| -> Vec<_> { store.rows().iter().map(RowPicture::of).collect() };
    assert_eq!(picture(&again), picture(store));
}
