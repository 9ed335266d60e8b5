//! `keys show`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, PublicKey};

use crate::{
    args::Global,
    client::{Client, ShownKey},
    key_view::{self, KeyView},
    output,
};

/// Show one key, where it is announced, and its public half.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom keys show 1220...\n  \
    strongroom keys show 1220... --output json | jq -r .public_key_pem \\\n    > signer.pem")]
pub(crate) struct Options {
    /// The key.
    fingerprint: Fingerprint,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    key: KeyView,
    public_key_pem: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk: Option<serde_json::Value>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let shown = client.key(&options.fingerprint).await;
    client.close().await;
    let ShownKey { view, public } = shown?;
    let jwk = match &public {
        // Not every spec has a JWK form; then there is none to show.
        PublicKey::Signing(key) => key
            .to_jwk()
            .ok()
            .and_then(|jwk| serde_json::from_str(&jwk.to_json()).ok()),
        PublicKey::Encryption(_) => None,
    };
    let report = Report {
        key: view,
        public_key_pem: public.to_pem(),
        jwk,
    };
    output::print(global.output, &report, |out| {
        key_view::write_one(out, &report.key)?;
        write!(out, "\n{}", report.public_key_pem)?;
        report
            .jwk
            .iter()
            .try_for_each(|jwk| writeln!(out, "\n{jwk}"))
    })?;
    Ok(ExitCode::SUCCESS)
}
