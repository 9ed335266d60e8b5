//! The graph of a namespace follows changes step by step; here it is held against one that is computed anew each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::{
    collection::vec,
    prelude::{Just, ProptestConfig, Strategy},
    prop_assert_eq, prop_oneof, proptest,
    sample::select,
    test_runner::RngSeed,
};
use strongroom_crypto::Fingerprint;
use strongroom_topology::{AuthorizationGraph, MappingCode, Restriction};

use crate::support::{
    ALL, Key, NO_DELEGATIONS, REMOVE, REPLACE, delegation, namespace_key, only, sign, transaction,
};

/// Key 1 is the root.
const KEYS: std::ops::RangeInclusive<u64> = 1..=8;
const CODES: [MappingCode; 3] = [
    MappingCode::NamespaceDelegation,
    MappingCode::OwnerToKeyMapping,
    MappingCode::VettedPackages,
];

#[derive(Clone, Debug)]
enum Step {
    Add {
        target: u64,
        signers: BTreeSet<u64>,
        restriction: Restriction,
    },
    Remove {
        target: u64,
    },
}

/// A namespace in which each key has a way to the root, and what happens to it then.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let founding: Vec<_> = KEYS.map(|target| add(target, 4)).collect();
    let change = prop_oneof![
        3 => KEYS.prop_flat_map(|target| add(target, 4)),
        1 => KEYS.prop_flat_map(|target| add(target, 0)),
        2 => KEYS.prop_map(|target| Step::Remove { target }),
    ];
    (founding, vec(change, 1..30)).prop_map(|(mut steps, changes)| {
        steps.extend(changes);
        steps
    })
}

/// A delegation to `target`, signed by one or two keys, which have lower numbers with this weight: the others close cycles.
fn add(target: u64, downwards: u32) -> impl Strategy<Value = Step> {
    let lower = target.saturating_sub(3).max(1)..=target.saturating_sub(1).max(1);
    let signer = prop_oneof![downwards => lower, 1 => KEYS];
    let restrictions = [
        ALL,
        NO_DELEGATIONS,
        only(&[MappingCode::VettedPackages]),
        only(&CODES[..2]),
    ];
    let restriction = prop_oneof![8 => Just(ALL), 1 => select(restrictions.to_vec())];
    (vec(signer, 1..3), restriction).prop_map(move |(signers, restriction)| Step::Add {
        target,
        signers: signers.into_iter().collect(),
        // The root could not be restricted like this.
        restriction: if target == 1 { ALL } else { restriction },
    })
}

/// The delegations by target, and nothing that is derived from them.
#[derive(Default)]
struct Naive(BTreeMap<u64, (BTreeSet<u64>, Restriction)>);

impl Naive {
    fn may_sign(&self, key: u64, code: MappingCode) -> bool {
        self.0
            .get(&key)
            .is_some_and(|(_, restriction)| restriction.can_sign(code))
    }

    /// How far each key is from the root, without passing `without`: rounds until nothing changes.
    fn levels(&self, without: Option<u64>) -> BTreeMap<u64, usize> {
        let mut levels = BTreeMap::new();
        if self
            .0
            .get(&1)
            .is_some_and(|(signers, _)| signers.contains(&1))
        {
            levels.insert(1, 1);
        }
        loop {
            let before = levels.clone();
            for (target, (signers, _)) in &self.0 {
                let delegates = |key: &&u64| self.may_sign(**key, MappingCode::NamespaceDelegation);
                let near = signers.iter().filter(delegates);
                let nearest = near.filter_map(|key| before.get(key)).min();
                if let Some(nearest) = nearest
                    && Some(*target) != without
                    && before.get(target).is_none_or(|level| nearest + 1 < *level)
                {
                    levels.insert(*target, nearest + 1);
                }
            }
            if levels == before {
                return levels;
            }
        }
    }

    fn keys_for(&self, code: MappingCode) -> BTreeMap<Fingerprint, usize> {
        let levels = self.levels(None).into_iter();
        let may_sign = levels.filter(|(key, _)| self.may_sign(*key, code));
        may_sign.map(by_fingerprint).collect()
    }

    fn keys_for_delegation_to(&self, target: u64) -> BTreeMap<Fingerprint, usize> {
        let code = MappingCode::NamespaceDelegation;
        if target == 1 {
            let root = self.levels(None).into_iter().filter(|(key, _)| *key == 1);
            return root.map(by_fingerprint).collect();
        }
        let levels = self.levels(Some(target)).into_iter();
        let may_sign = levels.filter(|(key, _)| self.may_sign(*key, code));
        may_sign.map(by_fingerprint).collect()
    }

    fn dangling(&self) -> BTreeSet<Fingerprint> {
        let levels = self.levels(None);
        let dangling = self.0.keys().filter(|key| !levels.contains_key(key));
        dangling
            .map(|key| namespace_key(*key).fingerprint())
            .collect()
    }
}

fn by_fingerprint((key, level): (u64, usize)) -> (Fingerprint, usize) {
    (namespace_key(key).fingerprint(), level)
}

fn apply(graph: &mut AuthorizationGraph, naive: &mut Naive, step: &Step) {
    let root = namespace_key(1);
    match step {
        Step::Add {
            target,
            signers,
            restriction,
        } => {
            let mapping = delegation(root, namespace_key(*target), restriction.clone());
            let keys: Vec<Key> = signers.iter().map(|key| namespace_key(*key)).collect();
            let signed = sign(transaction(REPLACE, 1, mapping), &keys);
            graph.add(Arc::new(signed)).unwrap();
            let added = (signers.clone(), restriction.clone());
            naive.0.insert(*target, added);
        }
        Step::Remove { target } => {
            let mapping = delegation(root, namespace_key(*target), ALL);
            let signed = sign(transaction(REMOVE, 2, mapping), &[root]);
            graph.remove(&signed).unwrap();
            naive.0.remove(target);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        rng_seed: RngSeed::Fixed(3),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_graph_that_follows_changes_equals_one_that_is_computed_anew(steps in steps()) {
        let mut graph = AuthorizationGraph::new(namespace_key(1).namespace());
        let mut naive = Naive::default();
        for step in &steps {
            apply(&mut graph, &mut naive, step);
            for code in CODES {
                let found = graph.keys_for(code).map(|(key, level)| (key.fingerprint(), level));
                prop_assert_eq!(found.collect::<BTreeMap<_, _>>(), naive.keys_for(code));
            }
            prop_assert_eq!(graph.dangling(), naive.dangling());
            prop_assert_eq!(graph.is_empty(), naive.0.is_empty());
            prop_assert_eq!(graph.has_root(), !naive.levels(None).is_empty());
            for target in KEYS {
                let fingerprint = namespace_key(target).fingerprint();
                let found = graph.keys_for_delegation_to(&fingerprint).into_iter();
                let found = found.map(|(key, level)| (key.fingerprint(), level));
                prop_assert_eq!(
                    found.collect::<BTreeMap<_, _>>(),
                    naive.keys_for_delegation_to(target)
                );
                let level = naive.levels(None).get(&target).copied();
                prop_assert_eq!(graph.level(&fingerprint), level);
            }
        }
    }
}
