//! Who depends on whom, as it is built.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{Metadata, Node, Package, PackageId};

/// Every package of the graph by name, with the names of the packages that depend on it.
pub(super) type Graph = BTreeMap<String, BTreeSet<String>>;

/// What our crates depend on, however far away.
///
/// `cargo metadata` follows an optional dependency also where a feature merely adds to it in case it is there (`ring?/alloc`),
/// so that packages appear which nobody builds. Here it counts only if a feature asks for it.
pub(super) fn graph(metadata: &Metadata) -> Graph {
    let packages: BTreeMap<&PackageId, &Package> =
        metadata.packages.iter().map(|it| (&it.id, it)).collect();
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let nodes: BTreeMap<&PackageId, &Node> = nodes.map(|node| (&node.id, node)).collect();
    let (mut graph, mut seen) = (Graph::new(), BTreeSet::new());
    let mut to_visit: Vec<&PackageId> = metadata.workspace_members.iter().collect();
    while let Some(id) = to_visit.pop() {
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else {
            continue;
        };
        if !seen.insert(id) {
            continue;
        }
        graph.entry(package.name.to_string()).or_default();
        for id in &node.dependencies {
            let Some(needed) = packages.get(id) else {
                continue;
            };
            if is_asked_for(package, node, &needed.name) {
                let dependants = graph.entry(needed.name.to_string()).or_default();
                dependants.insert(package.name.to_string());
                to_visit.push(id);
            }
        }
    }
    graph
}

fn is_asked_for(package: &Package, node: &Node, needed: &str) -> bool {
    let mut entries = package.dependencies.iter().filter(|it| it.name == needed);
    entries.any(|entry| {
        let key = entry.rename.as_deref().unwrap_or(&entry.name);
        !entry.optional
            || node
                .features
                .iter()
                .any(|it| asks(package, it.as_ref(), key))
    })
}

/// Whether this feature of the package turns the optional dependency on.
fn asks(package: &Package, feature: &str, key: &str) -> bool {
    let Some(parts) = package.features.get(feature) else {
        return feature == key;
    };
    parts.iter().any(|part| {
        let part = part.strip_prefix("dep:").unwrap_or(part);
        part.strip_prefix(key)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(features: &str) -> Package {
        let text = format!(
            r#"{{"name": "a", "version": "1.0.0", "id": "a", "dependencies": [], "targets": [], "features": {features},
                "manifest_path": "/a/Cargo.toml"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_dependency_is_asked_for_by_name_and_not_by_an_addition_to_it() {
        let package = package(
            r#"{"named": ["dep:ring"], "with": ["ring/std"], "old": ["ring"], "weak": ["ring?/std"],
                "other": ["dep:ringbuffer"]}"#,
        );
        for feature in ["named", "with", "old", "ring"] {
            assert!(asks(&package, feature, "ring"), "{feature}");
        }
        for feature in ["weak", "other", "default"] {
            assert!(!asks(&package, feature, "ring"), "{feature}");
        }
    }
}
