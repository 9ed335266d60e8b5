//! The graph in the language of Graphviz.

use std::io::{self, Write};

use super::{
    model::{DelegatedKey, Graph, MemberView, NamespaceView},
    purpose, right,
};
use crate::output;

/// Writes a `digraph`: a cluster for each namespace, an edge from each key that signed to what it signed.
pub(crate) fn write_dot(graph: &Graph, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph topology {{")?;
    writeln!(out, "  rankdir=LR;")?;
    writeln!(
        out,
        "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];"
    )?;
    for (number, namespace) in graph.namespaces.iter().enumerate() {
        write_namespace(number, namespace, out)?;
    }
    writeln!(out, "}}")
}

fn write_namespace(
    number: usize,
    namespace: &NamespaceView,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "  subgraph cluster_{number} {{")?;
    let title = format!("namespace {}", namespace.namespace);
    writeln!(out, "    label={};", quoted(&[title]))?;
    if let Some(owners) = &namespace.decentralized {
        let first = format!("{} of {} owners", owners.threshold, owners.owners.len());
        let lines: Vec<_> = std::iter::once(first)
            .chain(owners.owners.clone())
            .collect();
        let id = id(number, "owners");
        writeln!(out, "    {id} [label={}, shape=octagon];", quoted(&lines))?;
    }
    for key in &namespace.keys {
        write_key(number, key, out)?;
    }
    for member in &namespace.members {
        write_member(number, member, out)?;
    }
    writeln!(out, "  }}")?;
    write_edges(number, namespace, out)
}

fn write_key(number: usize, key: &DelegatedKey, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = vec![key.fingerprint.clone()];
    lines.extend(key.label.name.clone());
    let (state, look) = match (key.dangling, key.is_root) {
        (true, _) => ("dangling".to_owned(), "color=red, style=\"rounded,dashed\""),
        (false, true) => (right(key), "fillcolor=\"#ffe9a8\""),
        (false, false) => (right(key), "fillcolor=\"#d9e8fb\""),
    };
    lines.push(state);
    let id = id(number, &key.fingerprint);
    writeln!(out, "    {id} [label={}, {look}];", quoted(&lines))
}

fn write_member(number: usize, member: &MemberView, out: &mut dyn Write) -> io::Result<()> {
    let mut lines = vec![format!("{} {}", member.kind, member.name)];
    let keys = member.keys.iter();
    lines.extend(keys.map(|key| format!("{} {} {}", key.fingerprint, key.spec, purpose(key))));
    let id = id(number, &member.name);
    writeln!(
        out,
        "    {id} [label={}, fillcolor=\"#dff3df\"];",
        quoted(&lines)
    )
}

/// From every key of the namespace that signed, whether what it signed hangs on it or not.
fn write_edges(number: usize, namespace: &NamespaceView, out: &mut dyn Write) -> io::Result<()> {
    let keys = namespace
        .keys
        .iter()
        .map(|key| (&key.fingerprint, &key.signed_by));
    let members = namespace.members.iter().map(|it| (&it.name, &it.signed_by));
    let known = |signer: &str| namespace.keys.iter().any(|key| key.fingerprint == signer);
    let dangles = |target: &str| {
        let mut keys = namespace.keys.iter();
        keys.any(|key| key.dangling && key.fingerprint == target)
    };
    for (target, signers) in keys.chain(members) {
        let look = if dangles(target) {
            " [style=dashed, color=red]"
        } else {
            ""
        };
        for signer in signers {
            // A root certificate is signed by its own key, and a node's new keys sign for themselves.
            if signer != target && known(signer) {
                let (from, to) = (id(number, signer), id(number, target));
                writeln!(out, "  {from} -> {to}{look};")?;
            }
        }
    }
    Ok(())
}

/// One thing may stand in several namespaces, and is another node in each.
fn id(namespace: usize, name: &str) -> String {
    quoted(&[format!("{namespace}/{name}")])
}

/// A quoted string of lines that end to the left.
fn quoted(lines: &[String]) -> String {
    let escape = |line: &String| {
        let line = output::printable(line).replace('\\', "\\\\");
        line.replace('"', "\\\"")
    };
    let lines: Vec<_> = lines.iter().map(escape).collect();
    format!("\"{}\"", lines.join("\\n"))
}
