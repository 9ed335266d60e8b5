//! Any sequence of acts on two nodes that tell each other what they announce, with reopenings and crashes in between.

#[path = "model/side.rs"]
mod side;

use strongroom_crypto::{Fingerprint, Timestamp};
use strongroom_topology::{At, Member, Times};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy},
    prop_oneof, proptest,
    sample::Index,
};

use self::side::Side;
use super::{
    picture::TopologyPicture,
    statements::outcomes,
    synchronizers::{second, sequence, store},
};
use crate::histories::histories;

/// What a node does.
#[derive(Clone, Debug)]
enum Act {
    Initialize,
    Delegate,
    Revoke(Index),
    Party,
    /// Proposes a statement with a key of the other node, which signs it later.
    Propose,
    BeginRotation,
    Advance,
    Abandon,
    Reopen,
    /// The process dies; another one goes on with what is on the disk.
    Crash,
}

#[derive(Clone, Debug)]
enum Step {
    Act(bool, Act),
    /// The synchronizer sequences what both have announced since, and both hear of it.
    Sequence,
    /// The same, but what depends on each other comes in the wrong order: both must reject the same.
    SequenceReversed,
}

/// In half of the runs everything is sequenced in its order, so that rotations must end.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = || proptest::arbitrary::any::<Index>();
    let act = prop_oneof![
        1 => Just(Act::Initialize),
        1 => Just(Act::Delegate),
        1 => index().prop_map(Act::Revoke),
        1 => Just(Act::Party),
        1 => Just(Act::Propose),
        3 => Just(Act::BeginRotation),
        6 => Just(Act::Advance),
        1 => Just(Act::Abandon),
        1 => Just(Act::Reopen),
        1 => Just(Act::Crash),
    ];
    let step = prop_oneof![
        8 => (proptest::bool::ANY, act).prop_map(|(side, act)| Step::Act(side, act)),
        3 => Just(Step::Sequence),
        1 => Just(Step::SequenceReversed),
    ];
    (proptest::bool::ANY, vec(step, 12..36)).prop_map(|(in_order, mut steps)| {
        if in_order {
            steps.retain(|step| !matches!(step, Step::SequenceReversed));
        }
        // Before a node has an identity there is little that it can do; the other one gets its own some time.
        steps.insert(0, Step::Act(in_order, Act::Initialize));
        steps
    })
}

/// Two nodes, and what the synchronizer has told them.
struct World {
    sides: [Side; 2],
    /// How many batches were sequenced.
    sequenced: i64,
    /// After each batch in which nothing was rejected: who announces which keys from then on.
    history: Vec<(Times, Member, Vec<Fingerprint>)>,
    /// Whether what a node announces still reaches the synchronizer as it is.
    in_step: bool,
}

impl World {
    async fn new() -> Self {
        Self {
            sides: [Side::new("alice", 1).await, Side::new("bob", 2).await],
            sequenced: 0,
            history: Vec::new(),
            in_step: true,
        }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Act(side, act) => self.act(usize::from(*side), act).await,
            Step::Sequence => self.sequence(false).await,
            Step::SequenceReversed => self.sequence(true).await,
        }
        for side in &mut self.sides {
            side.check().await;
        }
        self.check_agreement().await;
    }

    async fn act(&mut self, number: usize, act: &Act) {
        let [one, other] = &mut self.sides;
        let (side, other) = if number == 0 {
            (one, other)
        } else {
            (other, one)
        };
        match act {
            Act::Initialize => side.initialize().await,
            Act::Reopen => side.reopen().await,
            Act::Crash => side.crash().await,
            Act::BeginRotation => side.begin_rotation().await,
            Act::Advance => side.advance().await,
            Act::Abandon => side.abandon().await,
            _ if !side.is_node() => {}
            Act::Delegate => side.delegate().await,
            Act::Revoke(index) => side.revoke(index).await,
            Act::Party => side.announce_party().await,
            Act::Propose => side.propose(other).await,
        }
    }

    async fn sequence(&mut self, reversed: bool) {
        let mut batch = Vec::new();
        for side in &mut self.sides {
            batch.extend(side.news().await);
        }
        if reversed {
            batch.reverse();
        }
        self.sequenced += 1;
        let times = second(self.sequenced);
        let mut told = Vec::new();
        for side in &self.sides {
            let added = sequence(side.vault(), times, batch.clone()).await.unwrap();
            told.push(outcomes(&added));
        }
        assert_eq!(told[0], told[1]);
        // What was rejected does not come again: from then on the synchronizer may know less than the node.
        self.in_step &= told[0].iter().all(|outcome| *outcome == "accepted");
        if self.in_step {
            for side in &self.sides {
                if let Some((member, keys)) = side.announced() {
                    self.history.push((times, member, keys));
                }
            }
        }
    }

    /// Both hold the same of the synchronizer, at every time.
    async fn check_agreement(&self) {
        let [one, other] = &self.sides;
        let (one, other) = (
            TopologyPicture::of(one.vault()).await,
            TopologyPicture::of(other.vault()).await,
        );
        assert_eq!(one.stores.get(&store()), other.stores.get(&store()));
        if !one.stores.contains_key(&store()) {
            return;
        }
        for side in &self.sides {
            let view = side.vault().topology(&store()).await.unwrap();
            for (times, member, keys) in &self.history {
                let after = Timestamp::from_micros(times.effective.as_micros() + 1);
                let found = view.owner_to_key(member, At::Time(after)).unwrap();
                let found: Vec<_> = found.keys().iter().map(|key| key.fingerprint()).collect();
                assert_eq!(found, *keys, "{member} after batch at {times:?}");
            }
        }
    }

    /// As long as the synchronizer takes everything, rotations end.
    async fn finish(&mut self) {
        // Each key waits twice. Of a rotation that was given up both keys may be announced, and both rotate then.
        let left = self.sides.iter().map(Side::rotations).max();
        for _ in 0..=2 * left.unwrap() {
            self.step(&Step::Sequence).await;
            for side in &mut self.sides {
                for _ in 0..3 {
                    side.advance().await;
                }
            }
        }
        self.step(&Step::Sequence).await;
        for side in &mut self.sides {
            side.crash().await;
            side.reopen().await;
            side.check().await;
            let ends = !(self.in_step && side.rotations() > 0);
            assert!(ends, "{:?}", side.vault().rotations());
        }
        self.check_agreement().await;
    }
}

async fn follow(steps: &[Step]) {
    let mut world = World::new().await;
    for step in steps {
        world.step(step).await;
    }
    world.finish().await;
}

#[test]
fn two_nodes_agree_at_every_time_whatever_they_do_and_no_retired_key_signs() {
    let (config, _called) = histories(16);
    proptest!(config, |(steps in steps())| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(follow(&steps));
    });
}
