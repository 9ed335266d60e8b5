//! A namespace as an outline: what hangs on what, from top to bottom.
//!
//! Flat, since nothing limits how deep delegations go.

use std::collections::HashMap;

use super::model::{DelegatedKey, MemberView, NamespaceView, Owners};

/// A line of the outline.
pub(super) struct Entry<'g> {
    pub(super) what: What<'g>,
    /// 0 for what hangs on nothing.
    pub(super) depth: usize,
    /// The place of what it hangs on; always before its own.
    pub(super) parent: Option<usize>,
    /// Whether nothing else hangs there behind it.
    pub(super) is_last: bool,
}

/// What stands there.
#[derive(Clone, Copy)]
pub(super) enum What<'g> {
    Owners(&'g Owners),
    Key(&'g DelegatedKey),
    Member(&'g MemberView),
}

/// The keys nearest to the root first, each followed by what hangs on it; then what hangs on nothing.
pub(super) fn outline(namespace: &NamespaceView) -> Vec<Entry<'_>> {
    let mut hanging: HashMap<Option<&str>, Vec<What<'_>>> = HashMap::new();
    let owners = namespace.decentralized.iter().map(What::Owners);
    let keys = namespace.keys.iter().map(What::Key);
    let members = namespace.members.iter().map(What::Member);
    for what in owners.chain(keys).chain(members) {
        hanging.entry(what.parent()).or_default().push(what);
    }
    let mut entries: Vec<Entry<'_>> = Vec::new();
    // What is still to be placed, the next one at the end.
    let mut waiting = Vec::new();
    push(&mut waiting, hanging.remove(&None), None, 0);
    while let Some((what, parent, depth, is_last)) = waiting.pop() {
        let place = entries.len();
        entries.push(Entry {
            what,
            depth,
            parent,
            is_last,
        });
        if let What::Key(key) = what {
            let below = hanging.remove(&Some(key.fingerprint.as_str()));
            push(&mut waiting, below, Some(place), depth + 1);
        }
    }
    entries
}

type Waiting<'g> = Vec<(What<'g>, Option<usize>, usize, bool)>;

fn push<'g>(
    waiting: &mut Waiting<'g>,
    siblings: Option<Vec<What<'g>>>,
    parent: Option<usize>,
    depth: usize,
) {
    let siblings = siblings.into_iter().flatten().rev().enumerate();
    waiting.extend(siblings.map(|(from_end, what)| (what, parent, depth, from_end == 0)));
}

impl<'g> What<'g> {
    fn parent(&self) -> Option<&'g str> {
        match self {
            Self::Owners(_) => None,
            Self::Key(key) => key.parent.as_deref(),
            Self::Member(member) => member.parent.as_deref(),
        }
    }
}
