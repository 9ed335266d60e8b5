//! Licences of everything that we build from.

mod expression;

use cargo_metadata::Metadata;

use super::violation::Violation;
use expression::Expression;

/// A package and the licence expression of its manifest.
#[derive(Clone, Debug)]
pub(super) struct Licensed {
    pub(super) package: String,
    pub(super) licence: Option<String>,
}

/// The packages of the resolved graph.
pub(super) fn packages(metadata: &Metadata) -> Vec<Licensed> {
    let in_graph = |id| {
        metadata
            .resolve
            .iter()
            .flat_map(|resolve| &resolve.nodes)
            .any(|node| &node.id == id)
    };
    let packages = metadata
        .packages
        .iter()
        .filter(|package| in_graph(&package.id));
    packages
        .map(|package| Licensed {
            package: format!("{} {}", package.name, package.version),
            licence: package.license.clone(),
        })
        .collect()
}

pub(super) fn check(allowed: &[String], packages: &[Licensed]) -> Vec<Violation> {
    let broken = |licensed: &Licensed| {
        let rule = match licensed
            .licence
            .as_deref()
            .map(|licence| (licence, Expression::parse(licence)))
        {
            None => "names no licence".to_owned(),
            Some((licence, None)) => format!("has a licence that is no SPDX expression: {licence}"),
            Some((_, Some(expression))) if expression.is_satisfied_by(allowed) => return None,
            Some((licence, Some(_))) => {
                format!("has a licence that deny.toml does not allow: {licence}")
            }
        };
        Some(Violation::of(format!("package {}", licensed.package), rule))
    };
    packages.iter().filter_map(broken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::violation::texts;

    fn found(licence: Option<&str>) -> Vec<String> {
        let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned()];
        let package = Licensed {
            package: "p 1.0.0".to_owned(),
            licence: licence.map(str::to_owned),
        };
        texts(&check(&allowed, &[package]))
    }

    #[test]
    fn an_allowed_choice_is_enough() {
        assert_eq!(found(Some("GPL-3.0 OR MIT")), [""; 0]);
    }

    #[test]
    fn the_rest_is_named() {
        assert_eq!(found(None), ["package p 1.0.0: names no licence"]);
        assert_eq!(
            found(Some("MIT AND GPL-3.0")),
            ["package p 1.0.0: has a licence that deny.toml does not allow: MIT AND GPL-3.0"]
        );
        assert_eq!(
            found(Some("MIT OR")),
            ["package p 1.0.0: has a licence that is no SPDX expression: MIT OR"]
        );
    }
}
