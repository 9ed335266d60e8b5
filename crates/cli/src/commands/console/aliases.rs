//! The names by which Canton's console knows what is done here.

use std::io::{self, Write};

/// Canton's name, and the command that does it.
const ALIASES: &[(&str, &str)] = &[
    ("health.status", "doctor"),
    ("keys.public.download", "keys show"),
    ("keys.public.download_to", "keys show"),
    ("keys.public.list", "keys list --all"),
    ("keys.public.list_by_owner", "topology active-keys"),
    ("keys.public.list_owners", "topology list --mapping otk"),
    ("keys.public.upload", "keys import --public"),
    ("keys.public.upload_from", "keys import --public"),
    ("keys.secret.delete", "keys delete"),
    ("keys.secret.download", "keys export"),
    ("keys.secret.download_to", "keys export"),
    (
        "keys.secret.generate_encryption_key",
        "keys generate-encryption",
    ),
    ("keys.secret.generate_signing_key", "keys generate-signing"),
    ("keys.secret.get_wrapper_key_id", "wrapper-key show"),
    ("keys.secret.list", "keys list"),
    (
        "keys.secret.register_kms_encryption_key",
        "keys register-encryption",
    ),
    (
        "keys.secret.register_kms_signing_key",
        "keys register-signing",
    ),
    ("keys.secret.rotate_kms_node_key", "keys rotate"),
    ("keys.secret.rotate_node_key", "keys rotate"),
    ("keys.secret.rotate_node_keys", "keys rotate-all"),
    ("keys.secret.rotate_wrapper_key", "wrapper-key rotate"),
    ("keys.secret.upload", "keys import"),
    ("keys.secret.upload_from", "keys import"),
    (
        "topology.decentralized_namespaces.list",
        "topology list --mapping dnd",
    ),
    ("topology.init_id", "init"),
    ("topology.init_id_from_uid", "init"),
    (
        "topology.namespace_delegations.list",
        "topology list --mapping nsd",
    ),
    (
        "topology.namespace_delegations.propose_delegation",
        "topology delegate",
    ),
    (
        "topology.namespace_delegations.propose_revocation",
        "topology revoke",
    ),
    ("topology.owner_to_key_mappings.add_key", "keys announce"),
    ("topology.owner_to_key_mappings.add_keys", "keys announce"),
    (
        "topology.owner_to_key_mappings.list",
        "topology list --mapping otk",
    ),
    ("topology.owner_to_key_mappings.propose", "keys announce"),
    ("topology.owner_to_key_mappings.remove_key", "keys withdraw"),
    ("topology.owner_to_key_mappings.rotate_key", "keys rotate"),
    (
        "topology.party_to_key_mappings.list",
        "topology list --mapping ptk",
    ),
    (
        "topology.party_to_participant_mappings.list",
        "topology list --mapping ptp",
    ),
    (
        "topology.party_to_participant_mappings.propose",
        "party announce",
    ),
    ("topology.stores.list", "topology stores"),
    ("topology.transactions.authorize", "topology authorize"),
    (
        "topology.transactions.export_identity_transactions",
        "topology export --format transactions --mapping nsd --mapping otk",
    ),
    (
        "topology.transactions.export_identity_transactionsV2",
        "topology export --format transactions --mapping nsd --mapping otk",
    ),
    (
        "topology.transactions.export_topology_snapshot",
        "topology export",
    ),
    (
        "topology.transactions.export_topology_snapshotV2",
        "topology export",
    ),
    ("topology.transactions.generate", "topology root prepare"),
    (
        "topology.transactions.identity_transactions",
        "topology list --mapping nsd --mapping otk",
    ),
    (
        "topology.transactions.import_topology_snapshot",
        "topology import",
    ),
    (
        "topology.transactions.import_topology_snapshotV2",
        "topology import",
    ),
    (
        "topology.transactions.import_topology_snapshot_from",
        "topology import",
    ),
    (
        "topology.transactions.import_topology_snapshot_fromV2",
        "topology import",
    ),
    ("topology.transactions.list", "topology list"),
    ("topology.transactions.load", "topology apply"),
    (
        "topology.transactions.load_multiple_from_file",
        "topology apply",
    ),
    (
        "topology.transactions.load_single_from_file",
        "topology apply",
    ),
    (
        "topology.transactions.load_single_from_files",
        "topology apply",
    ),
    ("topology.transactions.sign", "topology authorize"),
];

/// What Canton's console does and no command does, and why, or how else.
const NOT_HERE: &[(&str, &str)] = &[
    (
        "topology.decentralized_namespaces.propose",
        "drafted by a node; 'topology apply' takes it in, 'topology authorize' signs it",
    ),
    (
        "topology.decentralized_namespaces.propose_new",
        "drafted by a node; 'topology apply' takes it in, 'topology authorize' signs it",
    ),
    (
        "topology.party_to_key_mappings.propose",
        "deprecated in Canton: 'party announce' states the keys, 'party migrate' moves them",
    ),
    (
        "topology.stores.create_temporary_topology_store",
        "over gRPC only; 'topology verify' replays files without a store",
    ),
    (
        "topology.stores.drop_temporary_topology_store",
        "over gRPC only; 'topology verify' replays files without a store",
    ),
    (
        "topology.synchronisation.await_idle",
        "a vault sends nothing to a synchronizer, so nothing waits",
    ),
    (
        "topology.synchronisation.is_idle",
        "a vault sends nothing to a synchronizer, so nothing waits",
    ),
    (
        "topology.transactions.propose",
        "each kind of statement has its command: 'topology delegate', 'keys announce', 'party announce'",
    ),
];

/// Every name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|(name, _command)| *name)
}

/// The name that a line begins with, and why there is no command for it, if there is none.
pub(super) fn not_here(words: &[String]) -> Option<(&'static str, &'static str)> {
    let first = words.first()?;
    NOT_HERE.iter().copied().find(|(name, _why)| first == name)
}

/// The words of a line with the command in the place of Canton's name, if it begins with one.
pub(super) fn expanded(mut words: Vec<String>) -> Vec<String> {
    let first = words.first().map(String::as_str);
    let found = ALIASES.iter().find(|(name, _command)| first == Some(name));
    if let Some((_name, command)) = found {
        let command = command.split(' ').map(str::to_owned);
        words.splice(..1, command);
    }
    words
}

/// The table of them.
pub(super) fn write(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Names of Canton's console, and what they stand for:\n")?;
    let width = names().map(str::len).max().unwrap_or_default();
    for (name, command) in ALIASES {
        writeln!(out, "  {name:<width$}  {command}")?;
    }
    writeln!(out, "\nNames without a command here, and why:\n")?;
    NOT_HERE
        .iter()
        .try_for_each(|(name, why)| writeln!(out, "  {name:<width$}  {why}"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::commands::console::line::Line;

    #[test]
    fn every_alias_stands_for_a_command_that_there_is() {
        for (name, command) in ALIASES {
            let mut found = Line::command();
            for word in command.split(' ').take_while(|word| !word.starts_with('-')) {
                let next = found.find_subcommand(word).cloned();
                found = next.unwrap_or_else(|| panic!("{name}: no {word} of {command}"));
            }
            assert!(
                found.get_subcommands().next().is_none(),
                "{name}: {command}"
            );
            for flag in command
                .split(' ')
                .filter_map(|word| word.strip_prefix("--"))
            {
                let mut args = found.get_arguments();
                assert!(
                    args.any(|arg| arg.get_long() == Some(flag)),
                    "{name}: {flag}"
                );
            }
        }
        assert!(ALIASES.is_sorted());
    }

    /// The names of Canton's console for keys and topology, by their groups.
    const CANTON: &[(&str, &str)] = &[
        (
            "keys.secret",
            "list generate_signing_key generate_encryption_key register_kms_signing_key register_kms_encryption_key \
             rotate_node_key rotate_node_keys rotate_kms_node_key rotate_wrapper_key get_wrapper_key_id upload_from upload \
             download download_to delete",
        ),
        (
            "keys.public",
            "upload upload_from download download_to list list_owners list_by_owner",
        ),
        ("topology", "init_id init_id_from_uid"),
        (
            "topology.namespace_delegations",
            "propose_delegation propose_revocation list",
        ),
        (
            "topology.decentralized_namespaces",
            "propose_new propose list",
        ),
        (
            "topology.owner_to_key_mappings",
            "list add_key add_keys remove_key rotate_key propose",
        ),
        ("topology.party_to_key_mappings", "list propose"),
        ("topology.party_to_participant_mappings", "list propose"),
        (
            "topology.transactions",
            "identity_transactions export_identity_transactions export_identity_transactionsV2 \
             import_topology_snapshot_from import_topology_snapshot_fromV2 import_topology_snapshot \
             import_topology_snapshotV2 load load_single_from_file load_single_from_files load_multiple_from_file generate \
             sign authorize propose list export_topology_snapshot export_topology_snapshotV2",
        ),
        (
            "topology.stores",
            "list create_temporary_topology_store drop_temporary_topology_store",
        ),
        ("topology.synchronisation", "is_idle await_idle"),
    ];

    #[test]
    fn every_name_of_cantons_console_has_a_command_or_a_reason() {
        let mut known: Vec<_> = ALIASES.iter().chain(NOT_HERE).map(|it| it.0).collect();
        known.retain(|name| !name.starts_with("health."));
        known.sort_unstable();
        let names = CANTON.iter().flat_map(|(group, names)| {
            let names = names.split_whitespace();
            names.map(move |name| format!("{group}.{name}"))
        });
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        assert_eq!(known, names);
    }

    #[test]
    fn what_follows_an_alias_stays() {
        let words = ["keys.public.list", "--name", "node"].map(str::to_owned);
        assert_eq!(
            expanded(words.into()),
            ["keys", "list", "--all", "--name", "node"]
        );
        let words = vec!["keys".to_owned(), "keys.secret.list".to_owned()];
        assert_eq!(expanded(words.clone()), words);
    }
}
