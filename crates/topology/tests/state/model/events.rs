//! What can happen in the model. The debug text of an event is Rust, so that a printed log can be replayed.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any},
    prop_oneof,
};
use strongroom_topology::{
    HostingParticipant, Mapping, MappingCode,
    ParticipantPermission::{self, Confirmation, Observation, Submission},
};

use crate::support::{
    ALL, Key, NO_DELEGATIONS, decentralized_as, decentralized_name, delegation, hosted, hosting,
    keys_with_threshold, namespace_key, node_keys, only, participant, party_keys, protocol_key,
    synchronizer_root, trust, uid, vetted,
};

/// What somebody states.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// A key may sign for the namespace of a node.
    Delegation {
        node: u8,
        target: u8,
        restriction: u8,
    },
    /// Both nodes own a namespace together, or one of them does alone.
    Shared { threshold: u8, owners: u8 },
    /// The keys of a node: those whose bits are set.
    NodeKeys { node: u8, keys: u8 },
    /// The keys of the first node's party, in the deprecated form.
    PartyKeys { threshold: u8, keys: u8 },
    /// Who hosts the first node's party, as digits: 0 not, then three permissions, then the same while onboarding.
    Hosting { threshold: u8, hosts: u8, keys: u8 },
    /// A node joins the synchronizer.
    Trust { node: u8 },
    /// A package of a node, or of the participant of the shared namespace.
    Package { owner: u8, name: u8 },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// A node announces what it may announce by itself; what its own store accepts is broadcast.
    Announce { node: u8, what: What },
    /// The same, of a removal.
    Withdraw { node: u8, what: What },
    /// A node announces one more key, and then no longer its first one.
    Rotate { node: u8, key: u8 },
    /// A node broadcasts a proposal, or its signature under one, as the synchronizer's store is where it is.
    Suggest { node: u8, what: What },
    /// Somebody makes a transaction up: with any serial near the one that is due, signed by those whose bits are set, and
    /// perhaps by one of them wrongly.
    Forge {
        what: What,
        removal: bool,
        serial: u8,
        signers: u16,
        spoilt: Option<u8>,
        proposal: bool,
    },
    /// Something that was broadcast before is broadcast again.
    Resend(u8),
    /// The synchronizer puts what was broadcast into a block.
    Sequence,
    /// Blocks reach a node.
    Deliver { node: u8, blocks: u8 },
    /// A node dies and goes on with its rows.
    Crash { node: u8 },
}

/// Everybody who can sign: two roots, three other keys for namespaces, the owner of the synchronizer, a stranger, and four
/// keys of nodes.
pub(super) fn pool() -> [Key; 11] {
    [
        namespace_key(1),
        namespace_key(2),
        namespace_key(3),
        namespace_key(4),
        namespace_key(5),
        synchronizer_root(),
        namespace_key(9),
        protocol_key(1),
        protocol_key(2),
        protocol_key(3),
        protocol_key(4),
    ]
}

/// The root key of a node.
pub(super) fn root(node: u8) -> Key {
    namespace_key(1 + u64::from(node % 2))
}

fn roots() -> [Key; 2] {
    [root(0), root(1)]
}

pub(super) fn node_key(number: u8) -> Key {
    protocol_key(1 + u64::from(number % 4))
}

fn some_node_keys(bits: u8) -> Vec<Key> {
    let bits = if bits.is_multiple_of(16) { 1 } else { bits };
    (0..4)
        .filter(|number| bits & (1 << number) != 0)
        .map(node_key)
        .collect()
}

impl What {
    pub(super) fn mapping(self) -> Mapping {
        match self {
            Self::Delegation {
                node,
                target,
                restriction,
            } => {
                // A root, or one of the three other keys.
                let target = match target % 4 {
                    0 => root(node),
                    other => namespace_key(2 + u64::from(other)),
                };
                let restriction = match restriction % 4 {
                    1 if target.namespace() != root(node).namespace() => NO_DELEGATIONS,
                    2 => only(&[
                        MappingCode::NamespaceDelegation,
                        MappingCode::OwnerToKeyMapping,
                    ]),
                    _ => ALL,
                };
                delegation(root(node), target, restriction)
            }
            Self::Shared { threshold, owners } => {
                let owners = match owners % 4 {
                    0 => &roots()[..1],
                    1 => &roots()[1..],
                    _ => &roots(),
                };
                let threshold = 1 + usize::from(threshold) % owners.len();
                let name = decentralized_name(&roots());
                decentralized_as(&name, i32::try_from(threshold).unwrap(), owners)
            }
            Self::NodeKeys { node, keys } => {
                let encryption: &[u64] = if keys & 0x80 == 0 { &[1] } else { &[] };
                node_keys(
                    &participant(root(node)),
                    &some_node_keys(keys & 0xf),
                    encryption,
                )
            }
            Self::PartyKeys { threshold, keys } => {
                let party = uid("party", root(0).namespace());
                party_keys(
                    &party,
                    1 + u32::from(threshold % 2),
                    &some_node_keys(keys & 0xf),
                )
            }
            Self::Hosting {
                threshold,
                hosts,
                keys,
            } => hosting_of(threshold, hosts, keys),
            Self::Trust { node } => trust(&participant(root(node)).uid),
            Self::Package { owner, name } => {
                let owner = match owner % 3 {
                    2 => uid("participant", decentralized_name(&roots())),
                    node => participant(root(node)).uid,
                };
                vetted(&owner, &format!("package {}", name % 3))
            }
        }
    }
}

fn hosting_of(threshold: u8, hosts: u8, keys: u8) -> Mapping {
    const PERMISSIONS: [ParticipantPermission; 3] = [Observation, Confirmation, Submission];
    let host = |node: u8, digit: u8| {
        let digit = digit % 7;
        let permission = *PERMISSIONS.get(usize::from(digit.checked_sub(1)? % 3))?;
        Some(HostingParticipant {
            onboarding: digit > 3,
            ..hosting(&participant(root(node)).uid, permission)
        })
    };
    let hosts: Vec<_> = [host(0, hosts), host(1, hosts / 7)]
        .into_iter()
        .flatten()
        .collect();
    let party = uid("party", root(0).namespace());
    let mut own = some_node_keys(keys & 0x3);
    if keys & 0x10 != 0 {
        own.push(root(0));
    }
    let keys = (keys & 0x20 != 0).then(|| keys_with_threshold(1, &own));
    hosted(&party, 1 + u32::from(threshold % 2), &hosts, keys)
}

fn what() -> impl Strategy<Value = What> {
    let node = || 0..2_u8;
    prop_oneof![
        5 => (node(), 0..4_u8, 0..4_u8).prop_map(|(node, target, restriction)| What::Delegation { node, target, restriction }),
        2 => (0..2_u8, 0..4_u8).prop_map(|(threshold, owners)| What::Shared { threshold, owners }),
        3 => (node(), any::<u8>()).prop_map(|(node, keys)| What::NodeKeys { node, keys: keys & 0x8f & !(keys << 1 & 0x80) }),
        1 => (0..2_u8, 0..16_u8).prop_map(|(threshold, keys)| What::PartyKeys { threshold, keys }),
        3 => (0..2_u8, 0..49_u8, 0..64_u8).prop_map(|(threshold, hosts, keys)| What::Hosting { threshold, hosts, keys }),
        1 => node().prop_map(|node| What::Trust { node }),
        2 => (0..3_u8, 0..3_u8).prop_map(|(owner, name)| What::Package { owner, name }),
    ]
}

/// Anybody, or those who are often the right ones.
fn signers() -> impl Strategy<Value = u16> {
    const ROOTS: u16 = 0b11;
    const NODE_KEYS: u16 = 0b1111 << 7;
    let anybody = (0..0x800_u16, 0..0x800_u16);
    prop_oneof![
        3 => anybody.prop_map(|(one, other)| one & other | 1 << (other % 11)),
        2 => Just(ROOTS | NODE_KEYS),
        1 => (0..2_u16).prop_map(|root| 1 << root | NODE_KEYS),
        1 => (0..2_u16).prop_map(|root| 1 << root),
        1 => Just(ROOTS),
        1 => (0..5_u16).prop_map(|key| 1 << key | 1 << 5),
    ]
}

pub(super) fn events() -> impl Strategy<Value = Vec<Event>> {
    let node = || 0..2_u8;
    let forge = (
        what(),
        proptest::bool::weighted(0.25),
        prop_oneof![6 => Just(0_u8), 1 => 1..4_u8],
        signers(),
        proptest::option::weighted(0.08, 0..6_u8),
        any::<bool>(),
    )
        .prop_map(
            |(what, removal, serial, signers, spoilt, proposal)| Event::Forge {
                what,
                removal,
                serial,
                signers,
                spoilt,
                proposal,
            },
        );
    let event = prop_oneof![
        6 => (node(), what()).prop_map(|(node, what)| Event::Announce { node, what }),
        2 => (node(), what()).prop_map(|(node, what)| Event::Withdraw { node, what }),
        1 => (node(), 0..4_u8).prop_map(|(node, key)| Event::Rotate { node, key }),
        4 => (node(), what()).prop_map(|(node, what)| Event::Suggest { node, what }),
        8 => forge,
        1 => any::<u8>().prop_map(Event::Resend),
        5 => Just(Event::Sequence),
        5 => (node(), 1..4_u8).prop_map(|(node, blocks)| Event::Deliver { node, blocks }),
        1 => node().prop_map(|node| Event::Crash { node }),
    ];
    vec(event, 30..120)
}
