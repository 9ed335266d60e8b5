//! Any sequence of statements, honest and made up, on two nodes that follow one synchronizer and die now and then.
//!
//! The rules are said a second time in `naive`, by brute force; `invariants` are looked at after every step. A failure
//! prints the events as Rust: put them into `REGRESSIONS`.

#[path = "model/events.rs"]
mod events;
#[path = "model/invariants.rs"]
mod invariants;
#[path = "model/kept.rs"]
mod kept;
#[path = "model/naive.rs"]
mod naive;
#[path = "model/world.rs"]
mod world;

use proptest::{prelude::ProptestConfig, proptest, test_runner::RngSeed};

use self::{
    events::{
        Event::{self, *},
        What::*,
        events,
    },
    invariants::{Past, check, check_thoroughly},
    world::World,
};

/// Sequences that found something once. The events of a printed failure can be put here as they are.
const REGRESSIONS: &[&[Event]] = &[
    // A key that may delegate adds its signature to the certificate of the root: the namespace was dead.
    &[
        Announce {
            node: 0,
            what: Delegation {
                node: 0,
                target: 1,
                restriction: 0,
            },
        },
        Sequence,
        Forge {
            what: Delegation {
                node: 0,
                target: 0,
                restriction: 0,
            },
            removal: false,
            serial: 3,
            signers: 1 << 2,
            spoilt: None,
            proposal: false,
        },
        Forge {
            what: Package { owner: 0, name: 0 },
            removal: false,
            serial: 0,
            signers: 1,
            spoilt: None,
            proposal: false,
        },
    ],
    // A stranger signs what is in force: it was taken in again.
    &[Forge {
        what: Delegation {
            node: 0,
            target: 0,
            restriction: 0,
        },
        removal: false,
        serial: 3,
        signers: 1 | 1 << 6,
        spoilt: None,
        proposal: false,
    }],
    // Keys are removed twice, the second time others: they proved themselves by a removal.
    &[
        Withdraw {
            node: 0,
            what: NodeKeys { node: 0, keys: 1 },
        },
        Withdraw {
            node: 0,
            what: NodeKeys { node: 0, keys: 2 },
        },
    ],
    // A shared namespace is removed: its owners could found it again.
    &[
        Deliver { node: 0, blocks: 9 },
        Forge {
            what: Shared {
                threshold: 1,
                owners: 2,
            },
            removal: true,
            serial: 0,
            signers: 0b11,
            spoilt: None,
            proposal: false,
        },
        Sequence,
        Deliver { node: 0, blocks: 9 },
        Forge {
            what: Shared {
                threshold: 0,
                owners: 2,
            },
            removal: false,
            serial: 0,
            signers: 0b11,
            spoilt: None,
            proposal: false,
        },
    ],
];

fn run(events: &[Event]) {
    let mut world = World::new();
    let mut past = Past::default();
    for event in events {
        world.step(*event);
        for node in &mut world.nodes {
            if std::mem::take(&mut node.authorized.changed) {
                check(&node.authorized);
            }
        }
        if world.nodes.iter().any(|node| node.synchronizer.changed) {
            past.check(&world);
        }
        for node in &mut world.nodes {
            if std::mem::take(&mut node.synchronizer.changed) {
                check(&node.synchronizer);
            }
        }
    }
    world.settle();
    past.check(&world);
    for node in &world.nodes {
        check_thoroughly(&node.authorized);
        check_thoroughly(&node.synchronizer);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn two_nodes_agree_whatever_happens(events in events()) {
        run(&events);
    }
}

#[test]
fn what_found_something_once_finds_nothing_now() {
    for events in REGRESSIONS {
        run(events);
    }
}
