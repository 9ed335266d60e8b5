//! `wrapper-key show`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_vault::{Vault, Wrap, WrapperKeyRotation};

use super::{OpeningView, WrapperKeyView};
use crate::{args::Global, client::Client, output};

/// Show the wraps of the vault in the order in which they are tried, and which one opened it now.
///
/// None but the ones that opening needs is tried: that is 'wrapper-key check'.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom wrapper-key show\n  \
    strongroom wrapper-key show --output json | jq .opened_by.kms")]
pub(crate) struct Options {}

/// What opens a vault.
#[derive(Serialize)]
pub(crate) struct WrapperKeys {
    pub(crate) vault_id: String,
    #[serde(flatten)]
    pub(crate) opening: OpeningView,
    pub(crate) wraps: Vec<WrapView>,
    /// Configured key management systems in which the vault has no wrap.
    pub(crate) without_wrap: Vec<String>,
    /// A rotation that was begun and not finished.
    pub(crate) rotation: Option<RotationView>,
    /// Data keys that nothing is sealed under any more; backups of their time need them.
    pub(crate) retired_data_key_ids: Vec<String>,
}

impl WrapperKeys {
    /// Of a vault that is opened here.
    pub(crate) fn of(vault: &Vault) -> Self {
        let rotation = vault.wrapper_key_rotation();
        let retired = vault.retired_data_keys();
        Self {
            vault_id: vault.id().to_string(),
            opening: OpeningView::of(&vault.opening()),
            wraps: vault.wraps().into_iter().map(WrapView::of).collect(),
            without_wrap: vault.kms_without_wrap(),
            rotation: rotation.as_ref().map(RotationView::of),
            retired_data_key_ids: retired.iter().map(ToString::to_string).collect(),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct RotationView {
    pub(crate) comes: Vec<WrapperKeyView>,
    pub(crate) goes: Vec<WrapperKeyView>,
}

impl RotationView {
    fn of(rotation: &WrapperKeyRotation) -> Self {
        Self {
            comes: rotation.comes.iter().map(WrapperKeyView::of).collect(),
            goes: rotation.goes.iter().map(WrapperKeyView::of).collect(),
        }
    }

    fn in_words(&self) -> String {
        let names = |keys: &[WrapperKeyView]| {
            let names = keys
                .iter()
                .map(|key| format!("{} of {}", key.wrapper_key_id, key.kms));
            names.collect::<Vec<_>>().join(", ")
        };
        let (comes, goes) = (names(&self.comes), names(&self.goes));
        format!(
            "a rotation is under way, from {goes} to {comes}: both are needed until \
             'strongroom wrapper-key rotate --resume' has finished it"
        )
    }
}

#[derive(Serialize)]
pub(crate) struct WrapView {
    pub(crate) kms: String,
    pub(crate) wrapper_key_id: String,
    pub(crate) created_at: String,
    pub(crate) configured: bool,
    pub(crate) opened_the_vault: bool,
    pub(crate) direct_keys: u64,
}

impl WrapView {
    fn of(wrap: Wrap) -> Self {
        Self {
            kms: wrap.kms,
            wrapper_key_id: wrap.wrapper_key_id,
            created_at: output::moment(wrap.created_at),
            configured: wrap.configured,
            opened_the_vault: wrap.opened_the_vault,
            direct_keys: wrap.direct_keys as u64,
        }
    }

    fn note(&self) -> &'static str {
        match (self.configured, self.opened_the_vault) {
            (false, _) => "not configured, never tried",
            (true, true) => "opened the vault",
            (true, false) => "",
        }
    }
}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let report = client.wrapper_keys().await;
    client.close().await;
    let report = report?;
    output::print(global.output, &report, |out| {
        report.opening.write(out)?;
        let rows = report.wraps.iter().map(|wrap| {
            [
                wrap.kms.clone(),
                wrap.wrapper_key_id.clone(),
                wrap.created_at.clone(),
                wrap.direct_keys.to_string(),
                wrap.note().to_owned(),
            ]
        });
        let header = ["KMS", "WRAPPER KEY", "CREATED", "SEALS KEYS", "NOTE"];
        writeln!(out, "\n{}", output::table(header, rows))?;
        if let Some(rotation) = &report.rotation {
            writeln!(out, "{}", rotation.in_words())?;
        }
        let retired = report.retired_data_key_ids.len();
        if retired > 0 {
            let retired = output::counted(retired, "retired data key");
            writeln!(
                out,
                "{retired}, for older backups: 'strongroom wrapper-key prune'"
            )?;
        }
        for name in &report.without_wrap {
            writeln!(
                out,
                "no wrap in {name}: 'strongroom wrapper-key add --kms {name}' makes one"
            )?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
