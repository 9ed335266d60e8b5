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
    ("keys.secret.rotate_node_key", "keys rotate"),
    ("keys.secret.rotate_node_keys", "keys rotate-all"),
    ("keys.secret.rotate_wrapper_key", "wrapper-key rotate"),
    ("keys.secret.upload", "keys import"),
    ("keys.secret.upload_from", "keys import"),
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
    (
        "topology.owner_to_key_mappings.list",
        "topology list --mapping otk",
    ),
    ("topology.owner_to_key_mappings.remove_key", "keys withdraw"),
    ("topology.owner_to_key_mappings.rotate_key", "keys rotate"),
    (
        "topology.party_to_key_mappings.list",
        "topology list --mapping ptk",
    ),
    ("topology.transactions.authorize", "topology authorize"),
    (
        "topology.transactions.export_topology_snapshot",
        "topology export",
    ),
    (
        "topology.transactions.import_topology_snapshot_from",
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
];

/// Every name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|(name, _command)| *name)
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
    ALIASES
        .iter()
        .try_for_each(|(name, command)| writeln!(out, "  {name:<width$}  {command}"))
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
