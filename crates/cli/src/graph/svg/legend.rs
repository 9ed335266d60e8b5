//! What the looks of a drawing mean: one line below the panels.

use super::{put, text};

/// The room below the panels, with the margin at the end.
pub(super) const HEIGHT: usize = 32;
/// From one thing to the next.
const STEP: usize = 104;
/// From the left end of a sample to its name.
const NAME: usize = 26;

const BOXES: [(&str, &str); 5] = [
    ("root", "root key"),
    ("box", "key"),
    ("dangling", "dangling"),
    ("member", "node, party"),
    ("owners", "owners"),
];
const EDGES: [(&str, &str); 2] = [("edge", "signed"), ("also", "signed too")];

pub(super) const WIDTH: usize = STEP * (BOXES.len() + EDGES.len());

/// Draws it with its upper left corner there.
pub(super) fn draw(out: &mut String, left: usize, top: usize) {
    let mut x = left;
    let mut name = |out: &mut String, name: &str| {
        text(out, x + NAME, top + 11, "quiet", name);
        x += STEP;
        x
    };
    let mut sample = left;
    for (class, what) in BOXES {
        put(
            out,
            format_args!("<path class=\"{class}\" d=\"M{sample} {top} h18 v13 h-18 z\"/>\n"),
        );
        sample = name(out, what);
    }
    for (class, what) in EDGES {
        let y = top + 7;
        put(
            out,
            format_args!(
                "<path class=\"{class}\" marker-end=\"url(#arrow)\" d=\"M{sample} {y} h20\"/>\n"
            ),
        );
        sample = name(out, what);
    }
}
