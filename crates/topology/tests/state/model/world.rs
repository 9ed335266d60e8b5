//! Two nodes that follow one synchronizer, each with a store of its own beside.

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_topology::{
    At, Covers, Drafted, ForceFlags, Mapping, Operation, Outcome, Rules, SignedTransaction,
    StoreId, Times, TopologyStore, Transaction, draft, signing_keys,
};

use super::{
    events::{Event, What, node_key, pool, root},
    kept::Kept,
};
use crate::support::{
    Key, REMOVE, REPLACE, at, encode, participant, physical, propose, root_certificate, serial,
    sign, signature, signature_over, signed_with, synchronizer_root, transaction,
};

const SECOND: i64 = 1_000_000;
/// How much later than it is sequenced something becomes effective.
const DELAY: i64 = 250_000;

pub(super) struct Block {
    times: Times,
    transactions: Vec<SignedTransaction>,
}

pub(super) struct Node {
    pub(super) authorized: Kept,
    pub(super) synchronizer: Kept,
    /// How many blocks it has seen.
    pub(super) seen: usize,
    held: Vec<Key>,
}

pub(super) struct World {
    pub(super) nodes: [Node; 2],
    pub(super) log: Vec<Block>,
    broadcast: Vec<SignedTransaction>,
    now: i64,
}

impl Block {
    /// The times at which something happened in it.
    pub(super) fn times(&self) -> [At; 4] {
        let Times {
            sequenced,
            effective,
        } = self.times;
        [
            At::Time(sequenced),
            At::Including(sequenced),
            At::Time(effective),
            At::Including(effective),
        ]
    }
}

fn synchronizer() -> StoreId {
    StoreId::Synchronizer(physical(0))
}

impl Node {
    fn new(held: &[usize]) -> Self {
        Self {
            authorized: Kept::new(StoreId::Authorized, Rules::authorized()),
            synchronizer: Kept::new(synchronizer(), Rules::synchronizer()),
            seen: 0,
            held: held.iter().map(|index| pool()[*index]).collect(),
        }
    }

    fn holds(&self, key: &Fingerprint) -> bool {
        self.held.iter().any(|held| held.fingerprint() == *key)
    }

    /// What states `mapping` next in this store, and the keys here that shall sign it.
    fn prepare(
        &self,
        store: &TopologyStore,
        operation: Operation,
        mapping: &Mapping,
    ) -> Option<(Transaction, Vec<Key>)> {
        let transaction = match draft(store, operation, mapping, None).ok()? {
            Drafted::New(draft) => encode(draft),
            Drafted::Existing(signed) => signed.transaction().clone(),
        };
        let holds = |key: &Fingerprint| self.holds(key);
        let selected =
            signing_keys(store, &transaction, &[], &holds, ForceFlags::default()).ok()?;
        let selected = selected.iter().map(|selected| selected.fingerprint);
        let key = |fingerprint| {
            pool()
                .into_iter()
                .find(|key| key.fingerprint() == fingerprint)
        };
        Some((transaction, selected.filter_map(key).collect()))
    }
}

impl World {
    /// Both nodes have a namespace, one together, and keys; they and who owns the synchronizer are on it.
    pub(super) fn new() -> Self {
        let nodes = [Node::new(&[0, 2, 3, 7, 8]), Node::new(&[1, 4, 5, 9, 10])];
        let mut world = Self {
            nodes,
            log: Vec::new(),
            broadcast: Vec::new(),
            now: 0,
        };
        let owner = synchronizer_root();
        let certificate = transaction(REPLACE, 1, root_certificate(owner));
        world.broadcast.push(sign(certificate, &[owner]));
        for node in [0, 1] {
            for what in [
                What::Delegation {
                    node,
                    target: 0,
                    restriction: 0,
                },
                What::NodeKeys {
                    node,
                    keys: 1 << (2 * node),
                },
                What::Trust { node },
            ] {
                world.announce(node, REPLACE, &what.mapping());
            }
        }
        let together = What::Shared {
            threshold: 1,
            owners: 2,
        };
        let shared = transaction(REPLACE, 1, together.mapping());
        world.broadcast.push(sign(shared, &[root(0), root(1)]));
        world.sequence();
        world
    }

    pub(super) fn step(&mut self, event: Event) {
        match event {
            Event::Announce { node, what } => self.announce(node, REPLACE, &what.mapping()),
            Event::Withdraw { node, what } => self.announce(node, REMOVE, &what.mapping()),
            Event::Rotate { node, key } => self.rotate(node, node_key(key)),
            Event::Suggest { node, what } => self.suggest(node, &what.mapping()),
            Event::Forge {
                what,
                removal,
                serial,
                signers,
                spoilt,
                proposal,
            } => {
                let operation = if removal { REMOVE } else { REPLACE };
                let forged = self.forge(&what.mapping(), operation, serial, signers, spoilt);
                let forged = forged.with_proposal(proposal);
                // Half of the nodes let themselves be talked into it.
                let node = &mut self.nodes[usize::from(signers % 2)];
                self.now += SECOND;
                node.authorized.process(forged.clone(), at(self.now));
                self.broadcast.push(forged);
            }
            Event::Resend(index) => self.resend(index.into()),
            Event::Sequence => self.sequence(),
            Event::Deliver { node, blocks } => self.deliver(node, blocks.into()),
            Event::Crash { node } => {
                let node = &mut self.nodes[usize::from(node)];
                node.authorized.crash();
                node.synchronizer.crash();
            }
        }
    }

    /// Everything that was broadcast reaches everybody.
    pub(super) fn settle(&mut self) {
        self.sequence();
        for node in [0, 1] {
            self.deliver(node, usize::MAX);
        }
    }

    fn announce(&mut self, node: u8, operation: Operation, mapping: &Mapping) {
        let node = &mut self.nodes[usize::from(node)];
        let prepared = node.prepare(&node.authorized.store, operation, mapping);
        let Some((transaction, keys)) = prepared else {
            return;
        };
        let signed = sign(transaction, &keys);
        self.now += SECOND;
        let outcome = node.authorized.process(signed.clone(), at(self.now));
        if outcome == Outcome::Accepted {
            self.broadcast.push(signed);
        }
    }

    fn rotate(&mut self, node: u8, new: Key) {
        let member = participant(root(node));
        let keys = |world: &Self| {
            let store = &world.nodes[usize::from(node)].authorized.store;
            store.owner_to_key(&member, At::Head).cloned()
        };
        let Some(before) = keys(self) else { return };
        let Ok(both) = before.with_key(new.public.clone().into()) else {
            return;
        };
        let both = Mapping::OwnerToKeyMapping(both);
        self.announce(node, REPLACE, &both);
        if keys(self).is_some_and(|keys| Mapping::OwnerToKeyMapping(keys) == both) {
            let old = before.signing_keys().next().unwrap().fingerprint();
            let added = keys(self).unwrap();
            let without = added.without_key(&old).unwrap().unwrap();
            self.announce(node, REPLACE, &Mapping::OwnerToKeyMapping(without));
        }
    }

    fn suggest(&mut self, node: u8, mapping: &Mapping) {
        let node = &self.nodes[usize::from(node)];
        let kept = &node.synchronizer;
        let Some((transaction, keys)) = node.prepare(&kept.store, REPLACE, mapping) else {
            return;
        };
        let signed = propose(transaction, &keys);
        if kept
            .store
            .preview(vec![signed.clone()], &kept.rules)
            .is_ok()
        {
            self.broadcast.push(signed);
        }
    }

    fn forge(
        &self,
        mapping: &Mapping,
        operation: Operation,
        shift: u8,
        signers: u16,
        spoilt: Option<u8>,
    ) -> SignedTransaction {
        let store = &self.nodes[0].synchronizer.store;
        let before = store.in_store(&mapping.unique_key());
        let mapping = match before {
            // A removal of anything else is rejected at once.
            Some(row) if operation == REMOVE => row.signed.transaction().mapping(),
            _ => mapping,
        };
        let due = before.map_or(1, |row| row.signed.transaction().serial().get() + 1);
        let number = match shift {
            1 => due + 1,
            2 => due.max(2) - 1,
            3 => 1,
            _ => due,
        };
        let forged = transaction(operation, serial(number).get(), mapping.clone());
        let signers: Vec<Key> = (0..)
            .zip(pool())
            .filter(|(index, _)| signers & (1 << index) != 0)
            .map(|(_, key)| key)
            .collect();
        let mut signatures: Vec<_> = signers.iter().map(|key| signature(&forged, key)).collect();
        if let Some(spoilt) = spoilt {
            let place = usize::from(spoilt) % signers.len();
            signatures[place] = signature_over(b"something else", Covers::This, signers[place]);
        }
        signed_with(forged, signatures)
    }

    fn resend(&mut self, index: usize) {
        let sent: Vec<_> = self
            .log
            .iter()
            .flat_map(|block| &block.transactions)
            .collect();
        let again = sent[index % sent.len()].clone();
        self.broadcast.push(again);
    }

    fn sequence(&mut self) {
        if self.broadcast.is_empty() {
            return;
        }
        self.now += SECOND;
        let times = Times {
            sequenced: Timestamp::from_micros(self.now),
            effective: Timestamp::from_micros(self.now + DELAY),
        };
        let transactions = std::mem::take(&mut self.broadcast);
        self.log.push(Block {
            times,
            transactions,
        });
    }

    fn deliver(&mut self, node: u8, blocks: usize) {
        let node = &mut self.nodes[usize::from(node)];
        for block in self.log.iter().skip(node.seen).take(blocks) {
            for signed in &block.transactions {
                node.synchronizer.process(signed.clone(), block.times);
            }
            node.seen += 1;
        }
    }
}
