//! The arguments that every command takes.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, ValueEnum};

use crate::commands::Command;

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
    Exit status: 0 done; 1 the answer is no; 2 wrong usage or input; 3 the vault is not in a state for it, or does not have it;\n\
    4 not permitted; 5 stored data was changed or damaged; 6 try again later; 7 not offered here; 70 a bug."
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
    /// Show no progress.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

impl Global {
    pub(crate) fn config_path(&self) -> PathBuf {
        self.config
            .clone()
            .unwrap_or_else(|| self.dir.join("strongroom.toml"))
    }

    /// The arguments that name this vault, as a shell reads them: for commands that we propose.
    pub(crate) fn vault_args(&self) -> String {
        let mut args = format!("--dir={}", quoted(&self.dir));
        if let Some(config) = &self.config {
            args.push_str(&format!(" --config={}", quoted(config)));
        }
        args
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
fn quoted(path: &Path) -> String {
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
