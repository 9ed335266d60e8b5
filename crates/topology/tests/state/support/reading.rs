//! Everything that can be read from a store, as text.

use std::fmt::Write as _;

use strongroom_topology::{At, MappingCode, StoredTransaction, TopologyStore};

/// A row, with everything that makes it what it is.
pub(crate) fn row_text(row: &StoredTransaction) -> String {
    let mut signers: Vec<_> = row.signed.signed_by().collect();
    signers.sort_unstable();
    let transaction = row.signed.transaction();
    format!(
        "{} {:?} {:?} {:?} {} {} {} proposal={} {:?} {signers:?}",
        row.ordinal,
        row.sequenced,
        row.valid_from,
        row.valid_until,
        transaction.hash(),
        transaction.operation(),
        transaction.serial(),
        row.signed.is_proposal(),
        row.rejection,
    )
}

/// What is in force then: rows, and who may sign for which namespace.
pub(crate) fn reading_at(store: &TopologyStore, at: At) -> String {
    let ordinals = store.in_force(at).map(|row| row.ordinal);
    let mut text = format!("{at:?} {:?}\n", Vec::from_iter(ordinals));
    for namespace in store.namespaces() {
        let graph = store.authorization_graph(namespace, at);
        let codes = [
            MappingCode::NamespaceDelegation,
            MappingCode::OwnerToKeyMapping,
            MappingCode::VettedPackages,
        ];
        let keys = codes.map(|code| {
            let keys = graph.keys_for(code);
            Vec::from_iter(keys.map(|(key, level)| (key.fingerprint(), level)))
        });
        writeln!(text, "{namespace} {keys:?} {:?}", graph.dangling()).unwrap();
    }
    text
}

/// Everything, at every time that a row names.
pub(crate) fn reading(store: &TopologyStore) -> String {
    let mut text = String::new();
    let times = store.rows().iter().map(|row| row.valid_from);
    let reads = times.flat_map(|time| [At::Time(time), At::Including(time)]);
    for at in reads.chain([At::Head]) {
        text.push_str(&reading_at(store, at));
    }
    for row in store.rows() {
        let key = row.signed.transaction().unique_key();
        let in_force = store.in_store(&key).map(|row| row.ordinal);
        let waiting = store.proposals(&key).map(|row| row.ordinal);
        let waiting = Vec::from_iter(waiting);
        writeln!(text, "{} {in_force:?} {waiting:?}", row_text(row)).unwrap();
    }
    let (last, max) = (store.last_sequenced(), store.max_timestamp());
    writeln!(text, "{last:?} {max:?}").unwrap();
    text
}
