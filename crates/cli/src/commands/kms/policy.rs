//! `kms policy`: what an administrator of the cloud must allow, and nothing more.

mod aws;
mod gcp;

use clap::{Args, ValueEnum};
use serde::Serialize;
use strongroom_config::{Config, KmsConfig};

use crate::{args::Global, failure::CliError, output, session};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Which cloud.
    #[arg(value_enum)]
    cloud: Cloud,
    /// How private keys are kept.
    #[arg(long, value_enum, default_value_t = Mode::Envelope)]
    mode: Mode,
    /// Who gets the permissions; several for a command that needs them at once, to be taken away after it.
    #[arg(
        long = "for",
        value_enum,
        value_name = "ROLE",
        value_delimiter = ',',
        default_value = "node"
    )]
    roles: Vec<Role>,
    /// AWS: the account [default: every account that trusts this one].
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// GCP: who gets the permissions there, such as serviceAccount:NAME.
    #[arg(long)]
    member: Option<String>,
    /// Which KMS, by its configured name [default: every one of the cloud].
    #[arg(long)]
    kms: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cloud {
    /// AWS: a policy of IAM.
    Aws,
    /// Google Cloud: a custom role of IAM, and its binding on the key ring.
    Gcp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// In the database, sealed: the KMS wraps.
    Envelope,
    /// In the KMS: it signs and decrypts.
    External,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// The node: uses keys, makes none.
    Node,
    /// Whoever makes keys for this vault, and uses none.
    Administrator,
    /// Whoever deletes keys of this vault, and makes and uses none.
    Deletion,
}

/// Prints the policy, in the form that the cloud takes, whatever `--output` says.
pub(crate) fn run(global: &Global, options: &Options) -> anyhow::Result<()> {
    let config = session::read_config(global)?;
    match options.cloud {
        Cloud::Aws => print(&aws::policy(&config, options)?),
        Cloud::Gcp => print(&gcp::policy(&config, options)?),
    }
}

fn print(policy: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(policy)?;
    text.push('\n');
    output::write(text.as_bytes())?;
    Ok(())
}

/// The sections that are meant: the named one, or all that `pick` takes. There is one at least.
fn sections<T>(
    config: &Config,
    options: &Options,
    pick: impl Fn(&KmsConfig) -> Option<T>,
    (kind, expected): (&'static str, &'static str),
) -> Result<Vec<T>, CliError> {
    let name = options.kms.as_deref();
    let meant = config.kms.iter();
    let meant = meant.filter(|kms| name.is_none_or(|name| name == kms.name));
    let found: Vec<T> = meant.filter_map(pick).collect();
    if found.is_empty() {
        return Err(CliError::BadArgument {
            value: name.unwrap_or(kind).to_owned(),
            expected,
        });
    }
    Ok(found)
}
