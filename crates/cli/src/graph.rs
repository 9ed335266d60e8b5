//! Namespaces, delegations and the keys of nodes as a drawing: a text tree, Graphviz, SVG.

mod dot;
mod model;
mod outline;
mod svg;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use self::{
    dot::write_dot,
    model::{Graph, KeyLabel, NamespaceView},
    svg::svg,
    tree::{write_namespace, write_tree},
};

/// What a key may sign in its namespace, in words.
fn right(key: &model::DelegatedKey) -> String {
    match key.restriction {
        "all" => "everything, and delegate".to_owned(),
        "all-but-delegations" => "all but delegations".to_owned(),
        _ => format!("only {}", key.may_sign.join(", ")),
    }
}

/// What an announced key is for, in words.
fn purpose(key: &model::MemberKey) -> String {
    if key.usage.is_empty() {
        key.purpose.to_owned()
    } else {
        key.usage.join(", ")
    }
}
