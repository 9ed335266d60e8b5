//! The graph as a text tree.

use std::io::{self, Write};

use super::{
    model::{DelegatedKey, Graph, KeyLabel, MemberView, NamespaceView},
    outline::{What, outline},
    purpose, right,
};
use crate::output;

/// What hangs deeper is printed no further to the right: nothing limits how deep delegations go.
const DEEPEST: usize = 24;

/// Prints each namespace and what hangs below it.
pub(crate) fn write_tree(graph: &Graph, out: &mut dyn Write) -> io::Result<()> {
    if graph.namespaces.is_empty() {
        return writeln!(out, "no namespaces in {}", graph.store);
    }
    for (number, namespace) in graph.namespaces.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        write_namespace(namespace, out)?;
    }
    Ok(())
}

/// Prints a namespace and what hangs below it.
pub(crate) fn write_namespace(namespace: &NamespaceView, out: &mut dyn Write) -> io::Result<()> {
    let rootless = !namespace.has_root && namespace.decentralized.is_none();
    let note = if rootless {
        "  (no root certificate: nobody may sign)"
    } else {
        ""
    };
    writeln!(out, "namespace {}{note}", namespace.namespace)?;
    // For each depth, whether something hangs further below there.
    let mut goes_on: Vec<bool> = Vec::new();
    for entry in outline(namespace) {
        goes_on.truncate(entry.depth);
        goes_on.push(!entry.is_last);
        let shown = goes_on.len().min(DEEPEST);
        let (own, above) = match goes_on.get(..shown).and_then(<[bool]>::split_last) {
            Some((own, above)) => (*own, above),
            None => continue,
        };
        let above: String = above
            .iter()
            .map(|more| if *more { "│  " } else { "   " })
            .collect();
        let (branch, below) = if own {
            ("├─ ", "│  ")
        } else {
            ("└─ ", "   ")
        };
        let mut lead = format!("{above}{branch}");
        for line in lines(entry.what) {
            writeln!(out, "{lead}{}", output::printable(&line))?;
            lead = format!("{above}{below}   ");
        }
    }
    Ok(())
}

fn lines(what: What<'_>) -> Vec<String> {
    match what {
        What::Owners(owners) => {
            let first = format!("{} of these namespaces must agree:", owners.threshold);
            let owners = owners
                .owners
                .iter()
                .map(|owner| format!("namespace {owner}"));
            std::iter::once(first).chain(owners).collect()
        }
        What::Key(key) => key_lines(key),
        What::Member(member) => member_lines(member),
    }
}

fn key_lines(key: &DelegatedKey) -> Vec<String> {
    let what = if key.dangling {
        "DANGLING"
    } else if key.is_root {
        "root"
    } else {
        "key"
    };
    let first = format!("{what} {}{}", key.fingerprint, label(&key.label));
    let right = match key.level {
        Some(level) => format!("level {level}, may sign {}", right(key)),
        None => format!(
            "may sign nothing: its delegation is signed by {}, which may not delegate",
            key.signed_by.join(", ")
        ),
    };
    let others = key.signed_by.iter();
    let others = others.filter(|by| Some(*by) != key.parent.as_ref() && **by != key.fingerprint);
    let others: Vec<_> = others.map(String::as_str).collect();
    let mut lines = vec![first, right];
    if !key.dangling && !others.is_empty() {
        lines.push(format!("also signed by {}", others.join(", ")));
    }
    lines
}

fn member_lines(member: &MemberView) -> Vec<String> {
    let threshold = member.threshold.map_or_else(String::new, |threshold| {
        format!("  ({threshold} of {} keys must sign)", member.keys.len())
    });
    let first = format!("{} {}{threshold}", member.kind, member.name);
    let keys = member.keys.iter().map(|key| {
        let label = label(&key.label);
        format!("{}  {} {}{label}", key.fingerprint, key.spec, purpose(key))
    });
    std::iter::once(first).chain(keys).collect()
}

fn label(label: &KeyLabel) -> String {
    let here = match label.private_key {
        Some("active") => Some("here"),
        Some(other) => Some(other),
        None => None,
    };
    let known: Vec<_> = label.name.as_deref().into_iter().chain(here).collect();
    if known.is_empty() {
        String::new()
    } else {
        format!("  ({})", known.join(", "))
    }
}
