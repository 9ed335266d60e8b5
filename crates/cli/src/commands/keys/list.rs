//! `keys list`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, KeyPurpose, KeyUsage, KeyUsages};
use strongroom_vault::KeyFilter;

use crate::{
    args::{Global, Names},
    client::Client,
    key_view::{self, KeyView},
    output,
};

/// List keys, those that pass every filter.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom keys list\n  strongroom keys list --purpose signing --usage protocol\n  \
    strongroom keys list --name node- --output json"
)]
pub(crate) struct Options {
    /// Exactly this key.
    #[arg(long)]
    fingerprint: Option<Fingerprint>,
    /// The name contains this.
    #[arg(long, default_value = "")]
    name: String,
    /// Any of these purposes: signing, encryption.
    #[arg(long, value_delimiter = ',', value_parser = Names::of_purposes())]
    purpose: Vec<KeyPurpose>,
    /// Signing keys with any of these usages; encryption keys are not excluded by it.
    #[arg(long, value_delimiter = ',', value_parser = Names::of_usages())]
    usage: Vec<KeyUsage>,
    /// Also keys of which the vault has the public half only.
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Report {
    keys: Vec<KeyView>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let filter = KeyFilter {
        fingerprint: options.fingerprint,
        name: options.name,
        purposes: options.purpose,
        usages: (!options.usage.is_empty()).then(|| KeyUsages::any_of(&options.usage)),
        public_only: options.all,
    };
    let client = Client::open(global).await?;
    let keys = client.list_keys(&filter).await;
    client.close().await;
    let report = Report {
        keys: keys?.into_iter().map(|key| key.view).collect(),
    };
    output::print(global.output, &report, |out| {
        match (report.keys.is_empty(), options.all) {
            (false, _) => key_view::write_list(out, &report.keys),
            (true, true) => writeln!(out, "no keys"),
            (true, false) => writeln!(out, "no private keys; --all lists public keys too"),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
