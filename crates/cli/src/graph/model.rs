//! What is drawn, with the stable names of JSON documents.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use strongroom_crypto::{Fingerprint, PublicKey};
use strongroom_topology::{
    At, AuthorizationGraph, DecentralizedNamespaceDefinition, Mapping, Namespace,
    NamespaceDelegation, Restriction, SignedTransaction, StoredTransaction, TopologyStore,
};

/// Every namespace of a store with its keys and members.
#[derive(Debug, Serialize)]
pub(crate) struct Graph {
    pub(crate) store: String,
    pub(crate) at: Option<String>,
    pub(crate) namespaces: Vec<NamespaceView>,
}

/// A namespace.
#[derive(Debug, Serialize)]
pub(crate) struct NamespaceView {
    pub(crate) namespace: String,
    /// Whether its root certificate is in force.
    pub(crate) has_root: bool,
    /// Of a decentralized namespace.
    pub(crate) decentralized: Option<Owners>,
    /// Those that may sign, nearest to the root first; then those that dangle.
    pub(crate) keys: Vec<DelegatedKey>,
    /// Nodes, and parties with keys of their own.
    pub(crate) members: Vec<MemberView>,
}

/// Who owns a decentralized namespace.
#[derive(Debug, Serialize)]
pub(crate) struct Owners {
    pub(crate) threshold: usize,
    pub(crate) owners: Vec<String>,
}

/// A key that a delegation lets sign.
#[derive(Debug, Serialize)]
pub(crate) struct DelegatedKey {
    pub(crate) fingerprint: String,
    #[serde(flatten)]
    pub(crate) label: KeyLabel,
    /// How far it is from the root, the root's own key being 1; none if it dangles.
    pub(crate) level: Option<usize>,
    /// Nobody authorized has signed its delegation: it may sign nothing.
    pub(crate) dangling: bool,
    pub(crate) is_root: bool,
    pub(crate) restriction: &'static str,
    /// The kinds of mappings, if it is restricted to some.
    pub(crate) may_sign: Vec<&'static str>,
    pub(crate) signed_by: Vec<String>,
    /// Of the keys that signed, the one that it hangs on.
    pub(crate) parent: Option<String>,
}

/// What this vault knows of a key.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct KeyLabel {
    pub(crate) name: Option<String>,
    /// Of the private half, if it is here: active or retired.
    pub(crate) private_key: Option<&'static str>,
}

/// A node, or a party.
#[derive(Debug, Serialize)]
pub(crate) struct MemberView {
    /// participant, sequencer, mediator or party.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// How many of its keys must sign; only parties have one.
    pub(crate) threshold: Option<u32>,
    pub(crate) signed_by: Vec<String>,
    /// Of the keys that signed for the namespace, the one that it hangs on.
    pub(crate) parent: Option<String>,
    /// In the order in which they are announced.
    pub(crate) keys: Vec<MemberKey>,
}

/// A key that a node or a party announces.
#[derive(Debug, Serialize)]
pub(crate) struct MemberKey {
    pub(crate) fingerprint: String,
    #[serde(flatten)]
    pub(crate) label: KeyLabel,
    pub(crate) purpose: &'static str,
    pub(crate) usage: Vec<&'static str>,
    pub(crate) spec: &'static str,
}

/// Looks a key up in the vault.
type Labels<'a> = &'a dyn Fn(&Fingerprint) -> KeyLabel;

impl Graph {
    /// The namespaces in `wanted`, or all of them if that is empty.
    pub(crate) fn of(
        store: &TopologyStore,
        at: At,
        wanted: &BTreeSet<Namespace>,
        labels: Labels<'_>,
    ) -> Vec<NamespaceView> {
        let mut rows: BTreeMap<&Namespace, Vec<&StoredTransaction>> = BTreeMap::new();
        for row in store.in_force(at) {
            let mapping = row.signed.transaction().mapping();
            if wanted.is_empty() || wanted.contains(mapping.namespace()) {
                rows.entry(mapping.namespace()).or_default().push(row);
            }
        }
        let views = rows.into_iter().map(|(namespace, rows)| {
            let graph = store.authorization_graph(namespace, at);
            let owners = store.decentralized_namespace(namespace, at);
            NamespaceView::of(&graph, owners, &rows, labels)
        });
        views
            .filter(|view| !view.is_empty() || view.decentralized.is_some())
            .collect()
    }
}

impl NamespaceView {
    fn of(
        graph: &AuthorizationGraph,
        owners: Option<&DecentralizedNamespaceDefinition>,
        rows: &[&StoredTransaction],
        labels: Labels<'_>,
    ) -> Self {
        let mut keys: Vec<_> = graph
            .delegations()
            .map(|(delegation, signed)| DelegatedKey::of(graph, delegation, signed, labels))
            .collect();
        keys.sort_by_key(|key| (key.dangling, key.level, key.fingerprint.clone()));
        let members = rows.iter();
        let members = members.filter_map(|row| MemberView::of(graph, &row.signed, labels));
        Self {
            namespace: graph.namespace().to_string(),
            has_root: graph.has_root(),
            decentralized: owners.map(|it| Owners {
                threshold: it.threshold(),
                owners: it.owners().iter().map(ToString::to_string).collect(),
            }),
            keys,
            members: members.collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.members.is_empty()
    }
}

impl DelegatedKey {
    fn of(
        graph: &AuthorizationGraph,
        delegation: &NamespaceDelegation,
        signed: &SignedTransaction,
        labels: Labels<'_>,
    ) -> Self {
        let key = delegation.target().fingerprint();
        let level = graph.level(&key);
        let (restriction, may_sign) = match delegation.restriction() {
            Restriction::AllMappings => ("all", Vec::new()),
            Restriction::AllButNamespaceDelegations => ("all-but-delegations", Vec::new()),
            Restriction::SpecificMappings(codes) => {
                ("specific", codes.iter().map(|code| code.name()).collect())
            }
        };
        // Only a key nearer to the root: so nothing hangs on itself, in however many steps.
        let nearer = |signer: &Fingerprint| graph.level(signer) < level;
        let parent = level.and_then(|_authorized| nearest(graph, signed, nearer));
        Self {
            fingerprint: key.to_string(),
            label: labels(&key),
            level,
            dangling: level.is_none(),
            is_root: delegation.targets_root(),
            restriction,
            may_sign,
            signed_by: signers(signed),
            parent,
        }
    }
}

impl MemberView {
    fn of(
        graph: &AuthorizationGraph,
        signed: &SignedTransaction,
        labels: Labels<'_>,
    ) -> Option<Self> {
        let key = |key: &PublicKey| MemberKey::of(key, labels);
        let (kind, name, threshold, keys) = match signed.transaction().mapping() {
            Mapping::OwnerToKeyMapping(it) => {
                let member = it.member();
                let keys = it.keys().iter().map(key).collect();
                (member.code.name(), member.to_string(), None, keys)
            }
            Mapping::PartyToKeyMapping(it) => {
                let keys = &it.signing_keys;
                ("party", it.party.to_string(), Some(keys), Vec::new())
            }
            Mapping::PartyToParticipant(it) => {
                let keys = it.signing_keys()?;
                ("party", it.party().to_string(), Some(keys), Vec::new())
            }
            _ => return None,
        };
        let party_keys = threshold.into_iter().flat_map(|keys| keys.keys()).cloned();
        let party_keys = party_keys.map(|it| key(&PublicKey::Signing(it)));
        Some(Self {
            kind,
            name,
            threshold: threshold.map(|keys| keys.threshold()),
            signed_by: signers(signed),
            parent: nearest(graph, signed, |_any| true),
            keys: keys.into_iter().chain(party_keys).collect(),
        })
    }
}

impl MemberKey {
    fn of(key: &PublicKey, labels: Labels<'_>) -> Self {
        let usage = match key {
            PublicKey::Signing(key) => key.usages().iter().map(|usage| usage.label()).collect(),
            PublicKey::Encryption(_) => Vec::new(),
        };
        let fingerprint = key.fingerprint();
        Self {
            fingerprint: fingerprint.to_string(),
            label: labels(&fingerprint),
            purpose: key.spec().purpose().name(),
            usage,
            spec: key.spec().name(),
        }
    }
}

fn signers(signed: &SignedTransaction) -> Vec<String> {
    signed.signed_by().map(|key| key.to_string()).collect()
}

/// Of the authorized keys that signed, one that is nearest to the root.
fn nearest(
    graph: &AuthorizationGraph,
    signed: &SignedTransaction,
    fits: impl Fn(&Fingerprint) -> bool,
) -> Option<String> {
    signed
        .signed_by()
        .filter(&fits)
        .filter_map(|signer| Some((graph.level(&signer)?, signer)))
        .min()
        .map(|(_, signer)| signer.to_string())
}
