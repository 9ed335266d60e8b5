//! The commands, noun then verb, one file each.

mod access;
mod anchor;
pub(crate) mod approvals;
mod audit;
pub(crate) mod backup;
mod bench;
mod completions;
mod config;
mod console;
mod decrypt;
mod doctor;
mod encrypt;
mod errors;
mod import;
mod incident;
mod init;
pub(crate) mod keys;
mod kms;
mod metrics;
pub(crate) mod operations;
mod party;
mod quickstart;
mod recovery;
mod replicas;
mod serve;
mod session_keys;
mod sign;
pub(crate) mod topology;
mod vault;
mod verify;
pub(crate) mod wrapper_key;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use init::identity::{AnnouncedKey, Args as IdentityArgs, IdentityView};
pub(crate) use topology::{AtArg, RestrictionArg, RootError, StoreArg};

use crate::{args::Cli, session};

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Quickstart(quickstart::Options),
    Init(Box<init::Options>),
    /// Generate, list, show, export, import, announce, rotate, seal and delete keys
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom keys generate-signing --usage protocol --name node-signing\n  strongroom keys list"
    )]
    Keys(keys::Command),
    /// Take in the keys that other programs keep
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom import canton-db --url postgres:///participant --dry-run"
    )]
    Import(import::Command),
    Sign(sign::Options),
    Verify(verify::Options),
    Encrypt(encrypt::Options),
    Decrypt(decrypt::Options),
    /// List and decide what waits for a second person
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom approvals list\n  strongroom approvals approve ID"
    )]
    Approvals(approvals::Command),
    /// List, verify and export the audit log, and hold it against a cloud's own
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom audit list\n  strongroom audit verify\n  strongroom audit export audit.jsonl"
    )]
    Audit(audit::Command),
    /// Protect and show the embedded key management system
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom kms show\n  strongroom kms protect --passphrase-prompt"
    )]
    Kms(kms::Command),
    /// Show, check, add and remove what opens the vault: wraps in several regions or providers
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom wrapper-key show\n  strongroom wrapper-key check"
    )]
    WrapperKey(wrapper_key::Command),
    /// Make keys that are kept offline, for the day when every key management system is lost
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom recovery create /media/safe/recovery.key"
    )]
    Recovery(recovery::Command),
    /// Announce keys, delegate, exchange and look at topology transactions
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom topology graph\n  strongroom topology list --mapping otk\n  \
        strongroom topology root inspect root.prep"
    )]
    Topology(topology::Command),
    /// Keys of external parties: generate, register, announce, sign, verify, rotate, migrate
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom party generate bob --keys 3\n  \
        strongroom party show bob::1220..."
    )]
    Party(party::Command),
    /// Make, verify, restore, list and forget backups
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom backup create vault.backup --recipient age1...\n  \
        strongroom backup verify vault.backup --identity-file key.txt"
    )]
    Backup(backup::Command),
    /// Show the anchor, or accept the state of a restored database
    #[command(subcommand, after_help = "Examples:\n  strongroom anchor show")]
    Anchor(anchor::Command),
    /// Let processes share the vault's database, list them, and have the one that writes step down
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom replicas list\n  strongroom replicas step-down"
    )]
    Replicas(replicas::Command),
    /// List, watch and call off long work of a server, whoever began it
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom operations list --endpoint https://vault.example:5018\n  \
        strongroom operations cancel ID"
    )]
    Operations(operations::Command),
    /// Show what session keys spare in calls of a KMS, and how long their secrets live
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom session-keys show --per-second 1000 --groups 20"
    )]
    SessionKeys(session_keys::Command),
    /// Move the vault into another database
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom vault move --to postgres://strongroom@db.example:5432/ledger"
    )]
    Vault(vault::Command),
    Serve(serve::Options),
    Console(console::Options),
    /// Show who may do what over the network, and why
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom access list\n  strongroom access explain participant1 sign"
    )]
    Access(access::Command),
    Doctor(doctor::Options),
    Incident(incident::Options),
    Metrics(metrics::Options),
    /// Print an example configuration, check yours, or have a change of it approved
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom config example > new.toml\n  strongroom config check --config new.toml\n  \
        strongroom config propose --file new.toml"
    )]
    Config(config::Command),
    /// Measure, beside the bare library
    #[command(
        subcommand,
        after_help = "Examples:\n  strongroom bench sign\n  strongroom bench open --keys 100000"
    )]
    Bench(bench::Command),
    Errors(errors::Options),
    Completions(completions::Options),
}

/// Runs the command.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { global, command } = cli;
    if matches!(command, Command::Quickstart(_) | Command::Init(_)) {
        // They make a vault, and would find out too late.
        session::refuse_endpoint(&global)?;
    }
    match command {
        Command::Quickstart(options) => quickstart::run(&global, options).await,
        Command::Init(options) => init::run(&global, *options).await,
        Command::Keys(command) => keys::run(&global, command).await,
        Command::Import(command) => import::run(&global, command).await,
        Command::Sign(options) => sign::run(&global, options).await,
        Command::Verify(options) => verify::run(&global, options).await,
        Command::Encrypt(options) => encrypt::run(&global, options).await,
        Command::Decrypt(options) => decrypt::run(&global, options).await,
        Command::Approvals(command) => approvals::run(&global, command).await,
        Command::Audit(command) => audit::run(&global, command).await,
        Command::Kms(command) => kms::run(&global, command).await,
        Command::WrapperKey(command) => wrapper_key::run(&global, command).await,
        Command::Recovery(command) => recovery::run(&global, &command),
        Command::Topology(command) => topology::run(&global, command).await,
        Command::Party(command) => party::run(&global, command).await,
        Command::Backup(command) => backup::run(&global, command).await,
        Command::Anchor(command) => anchor::run(&global, command).await,
        Command::Replicas(command) => replicas::run(&global, command).await,
        Command::Operations(command) => operations::run(&global, command).await,
        Command::SessionKeys(command) => session_keys::run(&global, &command).await,
        Command::Vault(command) => vault::run(&global, command).await,
        Command::Serve(options) => serve::run(&global, options).await,
        // It runs commands itself.
        Command::Console(options) => Box::pin(console::run(&global, options)).await,
        Command::Access(command) => access::run(&global, command).await,
        Command::Doctor(options) => doctor::run(&global, options).await,
        Command::Incident(options) => incident::run(&global, options).await,
        Command::Metrics(options) => metrics::run(&global, options).await,
        Command::Config(command) => config::run(&global, command).await,
        Command::Bench(command) => bench::run(&global, command).await,
        Command::Errors(options) => errors::run(&global, options),
        Command::Completions(options) => completions::run(options),
    }
}
