//! The arguments that every command takes.

use std::{
    error::Error,
    ffi::OsStr,
    marker::PhantomData,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::{
    Args, Parser, ValueEnum,
    builder::{PossibleValue, TypedValueParser},
};
use strongroom_crypto::{EncryptionKeySpec, KeyPurpose, KeyUsage, SigningKeySpec};
use strongroom_proto::topology::Container;
use strongroom_server::access::Operation;
use strongroom_topology::{ForceFlag, MappingCode, MemberCode};

use crate::{
    commands::{Command, RestrictionArg},
    kms_flags::KmsFlags,
    remote::ServerFlags,
    session::Kept,
};

/// The key vault of ledger nodes.
///
/// Keeps the private keys of a participant, sequencer or mediator sealed in a database, opens them with a wrapper key
/// that stays in a key management system, and signs and decrypts with them.
#[derive(Debug, Parser)]
#[command(
    name = "strongroom",
    version,
    propagate_version = true,
    max_term_width = 110
)]
#[command(
    after_help = "Examples:\n  strongroom quickstart --dir my-vault\n  strongroom keys list --dir my-vault\n\n\
    Exit status:\n  0   done\n  1   the answer is no\n  2   wrong usage or input\n  \
    3   the vault is not in a state for it, or does not have it\n  4   not permitted\n  \
    5   stored data was changed or damaged\n  6   try again later\n  7   not offered here\n  70  a bug"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The folder of the vault.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "STRONGROOM_DIR",
        default_value = "strongroom-vault"
    )]
    pub(crate) dir: PathBuf,
    /// The configuration file [default: DIR/strongroom.toml].
    #[arg(long, global = true, value_name = "FILE", env = "STRONGROOM_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// A table for people, or one JSON document for programs.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table, env = "STRONGROOM_OUTPUT")]
    pub(crate) output: Format,
    /// What to log to standard error, for example `info` or `strongroom_vault=trace`.
    #[arg(
        long,
        global = true,
        value_name = "FILTER",
        env = "STRONGROOM_LOG",
        default_value = "warn"
    )]
    pub(crate) log: String,
    /// Log lines as text or as JSON.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "STRONGROOM_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,
    #[command(flatten)]
    pub(crate) kms: KmsFlags,
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    /// Show no progress.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Go on without the second person that the configuration asks for, and say why.
    #[arg(long, global = true, value_name = "REASON")]
    pub(crate) break_glass: Option<String>,
    /// What a console keeps from one command to the next.
    #[arg(skip)]
    pub(crate) kept: Kept,
}

impl Global {
    pub(crate) fn config_path(&self) -> PathBuf {
        self.config
            .clone()
            .unwrap_or_else(|| self.dir.join("strongroom.toml"))
    }

    /// The arguments that name this vault, as a shell reads them: for commands that we propose.
    pub(crate) fn vault_args(&self) -> String {
        if let Ok(Some(endpoint)) = self.server.endpoint() {
            return format!("--endpoint={}", quoted(Path::new(&endpoint.to_string())));
        }
        let mut args = format!("--dir={}", quoted(&self.dir));
        if let Some(config) = &self.config {
            args.push_str(&format!(" --config={}", quoted(config)));
        }
        args
    }
}

/// Reads a value by its name, or by an alias, and tells the names to help texts and completions.
#[derive(Clone, Debug)]
pub(crate) struct Names<T> {
    names: Vec<&'static str>,
    value: PhantomData<fn() -> T>,
}

impl Names<KeyUsage> {
    /// What may be asked of a key; proof of ownership comes by itself.
    pub(crate) fn of_usages() -> Self {
        Self::of(
            [
                KeyUsage::Namespace,
                KeyUsage::SequencerAuthentication,
                KeyUsage::Protocol,
            ]
            .map(KeyUsage::label),
        )
    }
}

impl Names<Operation> {
    /// What somebody may be granted.
    pub(crate) fn of_operations() -> Self {
        Self::of(Operation::ALL.iter().map(|operation| operation.name()))
    }
}

impl Names<SigningKeySpec> {
    pub(crate) fn of_signing_specs() -> Self {
        Self::of(SigningKeySpec::ALL.map(|spec| spec.name()))
    }
}

impl Names<EncryptionKeySpec> {
    pub(crate) fn of_encryption_specs() -> Self {
        Self::of(EncryptionKeySpec::ALL.map(|spec| spec.name()))
    }
}

impl Names<KeyPurpose> {
    pub(crate) fn of_purposes() -> Self {
        Self::of([KeyPurpose::Signing, KeyPurpose::Encryption].map(|purpose| purpose.name()))
    }
}

impl Names<MemberCode> {
    /// The kinds of nodes.
    pub(crate) fn of_kinds() -> Self {
        Self::of(MemberCode::ALL.map(MemberCode::name))
    }
}

impl Names<MappingCode> {
    /// The kinds of mappings; their three letters are taken too.
    pub(crate) fn of_mappings() -> Self {
        Self::of(MappingCode::ALL.map(MappingCode::name))
    }
}

impl Names<RestrictionArg> {
    /// What a key may be let sign.
    pub(crate) fn of_restrictions() -> Self {
        let whole = ["all", "all-but-delegations"].into_iter();
        Self::of(whole.chain(MappingCode::ALL.map(MappingCode::name)))
    }
}

impl Names<ForceFlag> {
    /// The dangers that can be taken.
    pub(crate) fn of_dangers() -> Self {
        Self::of(ForceFlag::ALL.map(ForceFlag::name))
    }
}

impl Names<Container> {
    /// Every kind of file with signed topology.
    pub(crate) fn of_containers() -> Self {
        Self::of(Container::ALL.map(Container::name))
    }

    /// The kinds of snapshots.
    pub(crate) fn of_snapshots() -> Self {
        let snapshots = Container::ALL.into_iter().filter(|it| it.is_snapshot());
        Self::of(snapshots.map(Container::name))
    }
}

/// A name that was refused, with those that there are.
#[derive(Debug, thiserror::Error)]
#[error("{source}{names}")]
struct NotListed<E: Error + 'static> {
    source: E,
    /// As it follows the source; empty if that has named them.
    names: String,
}

impl<E: Error + 'static> NotListed<E> {
    fn new(source: E, names: &[&str]) -> Self {
        let told = source.to_string();
        let names = if names.iter().all(|name| told.contains(name)) {
            String::new()
        } else {
            format!(" [possible values: {}]", names.join(", "))
        };
        Self { source, names }
    }
}

impl<T> Names<T> {
    fn of(names: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            names: names.into_iter().collect(),
            value: PhantomData,
        }
    }
}

impl<T> TypedValueParser for Names<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let names = self.names.clone();
        // With the error of the type, which has a code of its own.
        let read =
            move |text: &str| T::from_str(text).map_err(|source| NotListed::new(source, &names));
        TypedValueParser::parse_ref(&read, command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.names.iter().map(PossibleValue::new)))
    }
}

/// The form of what a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A path as a word of a POSIX shell.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte);
    if text.bytes().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_quoted_path_as_it_is() {
        for (path, word) in [
            ("vault", "vault"),
            ("/srv/my vault", "'/srv/my vault'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }
}
