//! Where everything goes. All lengths are pixels.

use std::collections::HashMap;

use super::super::{
    model::NamespaceView,
    outline::{Entry, What, outline},
};

pub(super) const BOX_WIDTH: usize = 290;
/// From the top of a box to its first line of text.
pub(super) const FIRST_LINE: usize = 19;
pub(super) const LINE: usize = 17;
/// Below the last line of a box.
const FOOT: usize = 8;
const COLUMN: usize = BOX_WIDTH + 64;
const GAP: usize = 16;
const HEADING: usize = 44;
const PADDING: usize = 16;
/// That of the style sheet.
const HEADING_FONT: usize = 13;

/// A namespace.
pub(super) struct Panel<'g> {
    pub(super) heading: String,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) boxes: Vec<Placed<'g>>,
    pub(super) edges: Vec<Edge>,
}

/// A box.
pub(super) struct Placed<'g> {
    pub(super) what: What<'g>,
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) height: usize,
}

/// From the right side of one box to the left side of another.
pub(super) struct Edge {
    pub(super) from: (usize, usize),
    pub(super) to: (usize, usize),
    /// Whether the one hangs on the other; otherwise it has signed it besides.
    pub(super) is_main: bool,
}

impl<'g> Panel<'g> {
    pub(super) fn of(namespace: &'g NamespaceView) -> Self {
        let entries = outline(namespace);
        let boxes = place(&entries);
        let right = boxes.iter().map(|it| it.x + BOX_WIDTH).max();
        let bottom = boxes.iter().map(|it| it.y + it.height).max();
        let heading = heading(namespace);
        let room = 2 * PADDING + text_width(&heading, HEADING_FONT);
        let width = (right.unwrap_or(0) + PADDING).max(room);
        Self {
            heading,
            width,
            height: bottom.unwrap_or(HEADING) + PADDING,
            edges: edges(&entries, &boxes),
            boxes,
        }
    }
}

fn heading(namespace: &NamespaceView) -> String {
    let rootless = !namespace.has_root && namespace.decentralized.is_none();
    let note = if rootless {
        " (no root certificate)"
    } else {
        ""
    };
    format!("namespace {}{note}", namespace.namespace)
}

/// The room that a line of bold text needs: fonts differ, and of the usual ones none has wider letters and digits on the
/// average.
pub(super) fn text_width(text: &str, font: usize) -> usize {
    (text.chars().count() * font * 7).div_ceil(10)
}

/// What has nothing hanging on it goes from top to bottom; anything else to the middle of what hangs on it.
fn place<'g>(entries: &[Entry<'g>]) -> Vec<Placed<'g>> {
    let has_children: Vec<bool> = {
        let mut has_children = vec![false; entries.len()];
        for parent in entries.iter().filter_map(|entry| entry.parent) {
            if let Some(parent) = has_children.get_mut(parent) {
                *parent = true;
            }
        }
        has_children
    };
    let mut y = HEADING;
    let mut boxes = Vec::with_capacity(entries.len());
    for (entry, has_children) in entries.iter().zip(has_children) {
        let height = height(entry.what);
        boxes.push(Placed {
            what: entry.what,
            x: PADDING + entry.depth * COLUMN,
            y,
            height,
        });
        if !has_children {
            y += height + GAP;
        }
    }
    // From the end: what hangs on something stands behind it, and has its place by then.
    let mut spans: HashMap<usize, (usize, usize)> = HashMap::new();
    for (place, entry) in entries.iter().enumerate().rev() {
        let Some(it) = boxes.get_mut(place) else {
            continue;
        };
        if let Some((first, last)) = spans.remove(&place) {
            let top = usize::midpoint(first, last).saturating_sub(it.height / 2);
            it.y = top.max(HEADING);
        }
        let middle = it.y + it.height / 2;
        if let Some(parent) = entry.parent {
            let span = spans.entry(parent).or_insert((middle, middle));
            *span = (span.0.min(middle), span.1.max(middle));
        }
    }
    boxes
}

fn height(what: What<'_>) -> usize {
    let lines = match what {
        What::Owners(owners) => 1 + owners.owners.len(),
        What::Key(_) => 3,
        What::Member(member) => 1 + 2 * member.keys.len(),
    };
    FIRST_LINE + (lines - 1) * LINE + FOOT
}

fn edges(entries: &[Entry<'_>], boxes: &[Placed<'_>]) -> Vec<Edge> {
    let places: HashMap<&str, usize> = entries
        .iter()
        .enumerate()
        .filter_map(|(place, entry)| match entry.what {
            What::Key(key) => Some((key.fingerprint.as_str(), place)),
            _ => None,
        })
        .collect();
    let mut edges = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let signed_by = match entry.what {
            What::Owners(_) => &[][..],
            What::Key(key) => &key.signed_by,
            What::Member(member) => &member.signed_by,
        };
        for signer in signed_by.iter().filter_map(|it| places.get(it.as_str())) {
            let (Some(from), Some(to)) = (boxes.get(*signer), boxes.get(place)) else {
                continue;
            };
            if *signer == place {
                continue;
            }
            edges.push(Edge {
                from: (from.x + BOX_WIDTH, from.y + from.height / 2),
                to: (to.x, to.y + to.height / 2),
                is_main: entry.parent == Some(*signer),
            });
        }
    }
    edges
}
