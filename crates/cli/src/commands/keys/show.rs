//! `keys show`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, PublicKey};

use crate::{
    args::Global,
    key_view::{self, Announced, KeyView},
    output,
    session::Session,
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
    let session = Session::open(global).await?;
    let entry = session.vault.key(&options.fingerprint)?;
    let announced = Announced::of(&session.vault).await?;
    session.close().await;
    let jwk = match &entry.public {
        // Not every spec has a JWK form; then there is none to show.
        PublicKey::Signing(key) => key
            .to_jwk()
            .ok()
            .and_then(|jwk| serde_json::from_str(&jwk.to_json()).ok()),
        PublicKey::Encryption(_) => None,
    };
    let report = Report {
        key: KeyView::of(&entry, &announced),
        public_key_pem: entry.public.to_pem(),
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
