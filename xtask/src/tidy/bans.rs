//! Crates that must not be in the dependency graph.

use std::collections::BTreeSet;

use super::{deny_file::Ban, graph::Graph, violation::Violation};

pub(super) fn check(bans: &[Ban], graph: &Graph) -> Vec<Violation> {
    bans.iter()
        .filter_map(|ban| broken(ban, graph.get(&ban.name)?))
        .collect()
}

fn broken(ban: &Ban, dependants: &BTreeSet<String>) -> Option<Violation> {
    let outside: Vec<_> = dependants
        .iter()
        .filter(|name| !ban.wrappers.contains(name))
        .map(String::as_str)
        .collect();
    let tolerated = !ban.wrappers.is_empty() && outside.is_empty();
    (!tolerated).then(|| {
        let rule = format!(
            "banned by deny.toml ({}), but {} depend on it",
            ban.reason,
            outside.join(" and ")
        );
        Violation::of(format!("package {}", ban.name), rule)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::violation::texts;

    fn ban(name: &str, wrappers: &[&str]) -> Ban {
        let wrappers = wrappers.iter().map(|&name| name.to_owned()).collect();
        Ban {
            name: name.to_owned(),
            wrappers,
            reason: "no".to_owned(),
        }
    }

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        edges
            .iter()
            .map(|(name, dependants)| ((*name).to_owned(), names(dependants)))
            .collect()
    }

    #[test]
    fn what_is_not_there_breaks_nothing() {
        assert_eq!(check(&[ban("ring", &[])], &graph(&[("serde", &["a"])])), []);
    }

    #[test]
    fn a_banned_crate_is_named_with_who_brought_it() {
        let found = check(&[ban("ring", &[])], &graph(&[("ring", &["a", "b"])]));
        assert_eq!(
            texts(&found),
            ["package ring: banned by deny.toml (no), but a and b depend on it"]
        );
    }

    #[test]
    fn a_wrapper_may_depend_on_what_is_banned_for_others() {
        let bans = [ban("rusqlite", &["store"])];
        assert_eq!(check(&bans, &graph(&[("rusqlite", &["store"])])), []);
        assert_eq!(
            check(&bans, &graph(&[("rusqlite", &["store", "vault"])])).len(),
            1
        );
    }
}
