//! Whose statement a mapping is, and to which synchronizer it is bound.

use strongroom_topology::Mapping;

use crate::support::{key, mappings, uid};

#[test]
fn a_statement_belongs_to_a_namespace_or_to_something_in_it() {
    let expected = [
        None,
        None,
        Some("node"),
        Some("node"),
        Some("sync"),
        Some("sync"),
        Some("node"),
        Some("party"),
        Some("sync"),
        Some("sync"),
        Some("sync"),
        Some("sync"),
        Some("party"),
        Some("sync"),
        Some("sequencer"),
    ];
    for (mapping, expected) in mappings().iter().zip(expected) {
        assert_eq!(mapping.identifier(), expected, "{mapping:?}");
        assert_eq!(mapping.uid().cloned(), expected.map(uid), "{mapping:?}");
        let namespace = match mapping {
            Mapping::DecentralizedNamespaceDefinition(_) => key(9),
            _ => key(1),
        };
        assert_eq!(mapping.namespace(), &namespace.fingerprint().into());
    }
}

#[test]
fn a_statement_is_bound_to_the_synchronizer_that_it_names() {
    let bound = mappings().map(|mapping| mapping.synchronizer().is_some());
    let expected = [
        false, false, false, true, true, true, false, false, true, true, true, true, false, true,
        true,
    ];
    assert_eq!(bound, expected);
    for mapping in mappings() {
        assert!(mapping.synchronizer().is_none_or(|it| *it == uid("sync")));
    }
}
