//! `wrapper-key rotate`.

pub(crate) mod plan;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::Config;
use strongroom_kms::KmsKeyId;
use strongroom_vault::{NewWrapperKey, RotationRequest};

use super::WrapperKeyView;
use crate::{
    args::Global,
    client::{Client, Rewrapped, RotatedKeys},
    output, progress,
};

/// Put a new wrapper key in the place of one, and a new data key under every row. Signing and reading go on meanwhile.
///
/// A new data key is wrapped by the new wrapper key and by every other one of the vault, each tried, before any row moves. Both the
/// old and the new wrapper key are needed until the last row has moved; interrupted, it goes on with --resume. Afterwards the
/// vault does not need the old wrapper key any more, but backups from before do: keep it as long as them. Automatic rotation in the KMS
/// needs none of this.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom wrapper-key rotate --dry-run\n  \
    strongroom wrapper-key rotate\n  \
    strongroom wrapper-key rotate --to 1234abcd-12ab-34cd-56ef-1234567890ab\n  \
    strongroom wrapper-key rotate --kms frankfurt --multi-region\n  \
    strongroom wrapper-key rotate --resume")]
pub(crate) struct Options {
    /// The KMS that has the new wrapper key, or makes it [default: the one of the wrapper key that is replaced].
    #[arg(long, value_name = "NAME")]
    kms: Option<String>,
    /// The wrapper key that is replaced, if several could be meant.
    #[arg(long, value_name = "ID")]
    from: Option<String>,
    /// An existing wrapper key [default: a new one is made].
    #[arg(long, value_name = "ID", conflicts_with = "multi_region")]
    to: Option<KmsKeyId>,
    /// The new wrapper key can be used from several regions.
    #[arg(long)]
    multi_region: bool,
    /// Go on with a rotation that was interrupted.
    #[arg(long, conflicts_with_all = ["kms", "from", "to", "multi_region", "rewrap_only", "dry_run"])]
    resume: bool,
    /// Keep the data key, and every row as it is: this answers no compromise, neither of the wrapper key nor of the data key.
    #[arg(long)]
    rewrap_only: bool,
    /// Only say what would be done: how many rows move, how many calls each KMS gets, what they cost.
    #[arg(long, conflicts_with = "rewrap_only")]
    dry_run: bool,
}

impl Options {
    fn request(&self) -> RotationRequest {
        RotationRequest {
            kms: self.kms.clone(),
            from: self.from.clone(),
            to: match &self.to {
                Some(id) => NewWrapperKey::Existing(id.clone()),
                None => NewWrapperKey::Generated {
                    multi_region: self.multi_region,
                },
            },
        }
    }
}

#[derive(Serialize)]
struct Report {
    /// The wrapper keys that open the vault now and did not before.
    comes: Vec<WrapperKeyView>,
    /// Those that did, and do not any more.
    goes: Vec<WrapperKeyView>,
    data_key_id: Option<String>,
    retired_data_key_id: Option<String>,
    moved_rows: u64,
    rewrapped_only: bool,
    /// None if a server made them, beside those that it makes for others.
    kms_calls: Option<u64>,
    /// Names of the `[[kms]]` sections whose wrapper-key-id must be changed; none if the configuration is a server's.
    sections_to_change: Option<Vec<String>>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    if options.dry_run {
        return plan::run(global, client, options.request()).await;
    }
    let report = if options.rewrap_only {
        let rewrapped = client.rewrap_data_key(options.request()).await;
        client.close().await;
        Report::of_rewrapped(rewrapped?)
    } else {
        let bar = progress::bar(global, 0, "moving rows");
        let request = (!options.resume).then(|| options.request());
        let tell = |moved, of| {
            bar.set_length(of);
            bar.set_position(moved);
        };
        let rotated = client.rotate_wrapper_key(request, &tell).await;
        bar.finish_and_clear();
        client.close().await;
        Report::of(rotated?)
    };
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::SUCCESS)
}

/// A configured wrapper key id that is not one of the vault any more would keep every command from opening it.
pub(crate) fn sections_to_change(config: &Config, goes: &[WrapperKeyView]) -> Vec<String> {
    let names = |kms: &str, id: &str| {
        let mut gone = goes.iter();
        gone.any(|gone| gone.kms == kms && gone.wrapper_key_id == id)
    };
    let stale = config.kms.iter().filter(|kms| {
        let id = kms.wrapper_key_id.as_deref();
        id.is_some_and(|id| names(&kms.name, id))
    });
    stale.map(|kms| kms.name.clone()).collect()
}

impl Report {
    fn of(rotated: RotatedKeys) -> Self {
        Self {
            comes: rotated.comes,
            goes: rotated.goes,
            data_key_id: Some(rotated.data_key_id),
            retired_data_key_id: Some(rotated.retired_data_key_id),
            moved_rows: rotated.moved,
            rewrapped_only: false,
            kms_calls: rotated.kms_calls,
            sections_to_change: rotated.sections_to_change,
        }
    }

    fn of_rewrapped(rewrapped: Rewrapped) -> Self {
        Self {
            comes: rewrapped.comes,
            goes: rewrapped.goes,
            data_key_id: None,
            retired_data_key_id: None,
            moved_rows: 0,
            rewrapped_only: true,
            kms_calls: rewrapped.kms_calls,
            sections_to_change: rewrapped.sections_to_change,
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        for key in &self.comes {
            writeln!(
                out,
                "{} of {} opens the vault now",
                key.wrapper_key_id, key.kms
            )?;
        }
        for key in &self.goes {
            writeln!(
                out,
                "{} of {} is not needed any more but by backups: keep it as long as them",
                key.wrapper_key_id, key.kms
            )?;
        }
        if self.rewrapped_only {
            writeln!(
                out,
                "The data key and every row are as before: this answers no compromise of the old wrapper key or of the data key."
            )?;
        } else {
            let rows = output::counted(self.moved_rows, "row");
            let calls = self
                .kms_calls
                .map(|calls| output::counted(calls, "KMS call"));
            let calls = calls
                .map(|calls| format!(", with {calls}"))
                .unwrap_or_default();
            writeln!(out, "{rows} moved to a new data key{calls}")?;
        }
        if self.sections_to_change.is_none() {
            writeln!(
                out,
                "If the server's configuration has a wrapper-key-id, change it to the new one, or take it out, before the server starts again."
            )?;
        }
        for section in self.sections_to_change.iter().flatten() {
            writeln!(
                out,
                "Change wrapper-key-id in the [[kms]] section {section:?} to the new one, or take it out: until then no command opens the vault."
            )?;
        }
        Ok(())
    }
}
