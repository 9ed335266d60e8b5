//! The graph as an SVG drawing: a panel for each namespace, the root to the left, what hangs on it to the right.

mod layout;
mod legend;

use std::fmt::Write;

use self::layout::{Panel, Placed};
use super::{
    model::{DelegatedKey, Graph, KeyLabel, MemberView, Owners},
    outline::What,
    purpose, right,
};
use crate::output;

const MARGIN: usize = 24;
const TITLE: usize = 56;
/// That of the style sheet.
const TITLE_FONT: usize = 18;

/// The drawing, a whole XML document.
pub(crate) fn svg(graph: &Graph) -> String {
    let panels: Vec<_> = graph.namespaces.iter().map(Panel::of).collect();
    let at = graph
        .at
        .as_ref()
        .map_or_else(String::new, |at| format!(" at {at}"));
    let title = format!("Topology: {}{at}", graph.store);
    let panels_width = panels.iter().map(|panel| panel.width).max();
    let width = panels_width
        .unwrap_or(0)
        .max(layout::text_width(&title, TITLE_FONT))
        .max(legend::WIDTH);
    let panels_height: usize = panels.iter().map(|panel| panel.height + MARGIN).sum();
    let height = TITLE + panels_height + legend::HEIGHT;
    let width = width + 2 * MARGIN;
    let mut out = String::new();
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    put(
        &mut out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n"
        ),
    );
    out.push_str(STYLE);
    out.push_str(ARROW);
    put(
        &mut out,
        format_args!("<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n"),
    );
    text(&mut out, MARGIN, 36, "title", &title);
    let mut top = TITLE;
    for panel in &panels {
        put(
            &mut out,
            format_args!("<g transform=\"translate({MARGIN} {top})\">\n"),
        );
        draw_panel(&mut out, panel, width - 2 * MARGIN);
        out.push_str("</g>\n");
        top += panel.height + MARGIN;
    }
    legend::draw(&mut out, MARGIN, top);
    out.push_str("</svg>\n");
    out
}

const ARROW: &str = "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
    orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#627d98\"/></marker></defs>\n";

const STYLE: &str = "<style>\n\
    text { font-family: 'DejaVu Sans', Verdana, Arial, sans-serif; font-size: 12px; fill: #1f2933; }\n\
    .title { font-size: 18px; font-weight: bold; }\n\
    .heading { font-size: 13px; font-weight: bold; }\n\
    .strong { font-weight: bold; }\n\
    .mono { font-family: 'DejaVu Sans Mono', Consolas, monospace; font-size: 11px; }\n\
    .quiet { fill: #52606d; font-size: 11px; }\n\
    .paper { fill: #ffffff; }\n\
    .panel { fill: #f5f7fa; stroke: #cbd2d9; }\n\
    .box { stroke: #627d98; fill: #dceefb; }\n\
    .root { stroke: #b44d12; fill: #fff3c4; }\n\
    .dangling { stroke: #ba2525; fill: #ffffff; stroke-dasharray: 5 3; }\n\
    .member { stroke: #2f8132; fill: #e3f9e5; }\n\
    .owners { stroke: #724bb7; fill: #eae2f8; }\n\
    .edge { stroke: #627d98; fill: none; stroke-width: 1.5; }\n\
    .also { stroke: #9aa5b1; fill: none; stroke-dasharray: 4 3; }\n\
    </style>\n";

fn draw_panel(out: &mut String, panel: &Panel<'_>, width: usize) {
    let height = panel.height;
    put(
        out,
        format_args!("<rect class=\"panel\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n"),
    );
    text(out, 16, 26, "heading", &panel.heading);
    for edge in &panel.edges {
        let class = if edge.is_main { "edge" } else { "also" };
        let ((x1, y1), (x2, y2)) = (edge.from, edge.to);
        let middle = usize::midpoint(x1, x2);
        put(
            out,
            format_args!(
                "<path class=\"{class}\" marker-end=\"url(#arrow)\" d=\"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}\"/>\n"
            ),
        );
    }
    for placed in &panel.boxes {
        draw_box(out, placed);
    }
}

fn draw_box(out: &mut String, placed: &Placed<'_>) {
    let (x, y) = (placed.x, placed.y);
    let (class, tip, lines) = contents(placed.what);
    put(
        out,
        format_args!(
            "<g><title>{}</title><rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n",
            escaped(&tip),
            layout::BOX_WIDTH,
            placed.height
        ),
    );
    for (number, (class, line)) in lines.iter().enumerate() {
        let baseline = y + layout::FIRST_LINE + number * layout::LINE;
        text(out, x + 10, baseline, class, line);
    }
    out.push_str("</g>\n");
}

type Lines = Vec<(&'static str, String)>;

/// The look of a box, what is told when one points at it, and its lines, at most as many as the layout has room for.
fn contents(what: What<'_>) -> (&'static str, String, Lines) {
    match what {
        What::Owners(owners) => ("owners", owners.owners.join("\n"), owners_lines(owners)),
        What::Key(key) => {
            let class = match (key.dangling, key.is_root) {
                (true, _) => "dangling",
                (false, true) => "root",
                (false, false) => "box",
            };
            let tip = format!(
                "{}\nsigned by {}",
                key.fingerprint,
                key.signed_by.join(", ")
            );
            (class, tip, key_lines(key))
        }
        What::Member(member) => {
            let keys = member.keys.iter().map(|key| key.fingerprint.as_str());
            let tip: Vec<_> = std::iter::once(member.name.as_str()).chain(keys).collect();
            ("member", tip.join("\n"), member_lines(member))
        }
    }
}

fn owners_lines(owners: &Owners) -> Lines {
    let first = format!(
        "{} of {} owners must agree",
        owners.threshold,
        owners.owners.len()
    );
    let others = owners.owners.iter().map(|owner| ("mono", short(owner)));
    std::iter::once(("strong", first)).chain(others).collect()
}

fn key_lines(key: &DelegatedKey) -> Lines {
    let right = match key.level {
        Some(level) => format!("level {level}: {}", right(key)),
        None => "dangling: may sign nothing".to_owned(),
    };
    let name = named(&key.label, if key.is_root { "root key" } else { "key" });
    vec![
        ("strong", cut(&name)),
        ("mono", short(&key.fingerprint)),
        ("quiet", cut(&right)),
    ]
}

fn member_lines(member: &MemberView) -> Lines {
    let identifier = member
        .name
        .split("::")
        .nth(usize::from(member.kind != "party"));
    let threshold = member.threshold.map_or_else(String::new, |threshold| {
        format!(", {threshold} of {} sign", member.keys.len())
    });
    let first = format!(
        "{} {}{threshold}",
        member.kind,
        identifier.unwrap_or(&member.name)
    );
    let keys = member.keys.iter().flat_map(|key| {
        let what = format!(
            "{} {}",
            key.spec,
            purpose(key).replace(", proof-of-ownership", "")
        );
        [("mono", short(&key.fingerprint)), ("quiet", cut(&what))]
    });
    std::iter::once(("strong", cut(&first)))
        .chain(keys)
        .collect()
}

fn named(label: &KeyLabel, otherwise: &str) -> String {
    let name = label.name.as_deref().unwrap_or(otherwise);
    match label.private_key {
        Some("active") => format!("{name} (here)"),
        Some(other) => format!("{name} ({other})"),
        None => name.to_owned(),
    }
}

/// Enough of a fingerprint to tell it from others at a glance; the whole is told when one points at it.
fn short(fingerprint: &str) -> String {
    let (count, end) = (fingerprint.chars().count(), 8);
    if count <= 28 {
        return fingerprint.to_owned();
    }
    let head: String = fingerprint.chars().take(16).collect();
    let tail: String = fingerprint.chars().skip(count - end).collect();
    format!("{head}…{tail}")
}

/// What fits into a box.
fn cut(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let head: String = text.chars().take(MOST - 1).collect();
    format!("{head}…")
}

fn text(out: &mut String, x: usize, y: usize, class: &str, line: &str) {
    put(
        out,
        format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>\n",
            escaped(line)
        ),
    );
}

/// Text as XML takes it; what XML cannot have at all is written out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        for character in output::printable(line).chars() {
            match character {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
                other => escaped.push(other),
            }
        }
        escaped.push_str(end);
    }
    escaped
}

/// Writing to a string cannot fail.
fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _infallible = out.write_fmt(what);
}
