//! `wrapper-key rotate`.

mod plan;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_config::Config;
use strongroom_kms::KmsKeyId;
use strongroom_server::access::Operation;
use strongroom_vault::{
    NewWrapperKey, RotatedWrapperKey, RotationProgress, RotationRequest, VaultError,
};

use super::WrapperKeyView;
use crate::{args::Global, output, progress, session::Session};

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
    /// All that is asked for, for whoever approves it.
    fn in_words(&self) -> String {
        let named = |text: Option<&str>| text.unwrap_or("-").to_owned();
        format!(
            "wrapper-key rotate kms={} from={} to={} multi-region={} rewrap-only={}",
            named(self.kms.as_deref()),
            named(self.from.as_deref()),
            named(self.to.as_ref().map(KmsKeyId::as_str)),
            self.multi_region,
            self.rewrap_only
        )
    }

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
    kms_calls: u64,
    /// Names of the `[[kms]]` sections whose wrapper-key-id must be changed.
    sections_to_change: Vec<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    if options.dry_run {
        return plan::run(global, session, &options.request()).await;
    }
    if !options.resume {
        let operation = match options.to {
            Some(_) if session.needs(Operation::WrapperKeysRotateTo) => {
                Operation::WrapperKeysRotateTo
            }
            _ => Operation::WrapperKeysRotate,
        };
        session
            .approved(global, operation, &options.in_words())
            .await?;
    }
    let calls_before = session.kms.total_calls();
    let report = if options.rewrap_only {
        rewrap(&session, &options.request()).await
    } else {
        rotate(global, &session, &options).await
    };
    let calls = session.kms.total_calls() - calls_before;
    let config = session.config.clone();
    session.close().await;
    let mut report = report?;
    report.kms_calls = calls;
    report.sections_to_change = sections_to_change(&config, &report.goes);
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::SUCCESS)
}

async fn rotate(
    global: &Global,
    session: &Session,
    options: &Options,
) -> Result<Report, VaultError> {
    let bar = progress::bar(global, 0, "moving rows");
    let tell = |progress: RotationProgress| {
        bar.set_length(progress.of);
        bar.set_position(progress.moved);
    };
    let (vault, caller) = (&session.vault, &session.caller);
    let rotated = if options.resume {
        vault.resume_wrapper_key_rotation(caller, &tell).await
    } else {
        let request = options.request();
        vault.rotate_wrapper_key(caller, &request, &tell).await
    };
    bar.finish_and_clear();
    rotated.map(|rotated| Report::of(&rotated))
}

async fn rewrap(session: &Session, request: &RotationRequest) -> Result<Report, VaultError> {
    let before = wraps(session);
    let vault = &session.vault;
    vault.rewrap_data_key(&session.caller, request).await?;
    let after = wraps(session);
    let without = |wraps: &[(String, String)], others: &[(String, String)]| {
        let missing = wraps.iter().filter(|wrap| !others.contains(wrap));
        missing.map(WrapperKeyView::of).collect()
    };
    Ok(Report {
        comes: without(&after, &before),
        goes: without(&before, &after),
        data_key_id: None,
        retired_data_key_id: None,
        moved_rows: 0,
        rewrapped_only: true,
        kms_calls: 0,
        sections_to_change: Vec::new(),
    })
}

fn wraps(session: &Session) -> Vec<(String, String)> {
    let wraps = session.vault.wraps().into_iter();
    wraps.map(|wrap| (wrap.kms, wrap.wrapper_key_id)).collect()
}

/// A configured wrapper key id that is not one of the vault any more would keep every command from opening it.
fn sections_to_change(config: &Config, goes: &[WrapperKeyView]) -> Vec<String> {
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
    fn of(rotated: &RotatedWrapperKey) -> Self {
        let rotation = &rotated.rotation;
        Self {
            comes: rotation.comes.iter().map(WrapperKeyView::of).collect(),
            goes: rotation.goes.iter().map(WrapperKeyView::of).collect(),
            data_key_id: Some(rotation.data_key_id.to_string()),
            retired_data_key_id: Some(rotation.old_data_key_id.to_string()),
            moved_rows: rotated.moved,
            rewrapped_only: false,
            kms_calls: 0,
            sections_to_change: Vec::new(),
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
            let calls = output::counted(self.kms_calls, "KMS call");
            writeln!(out, "{rows} moved to a new data key, with {calls}")?;
        }
        for section in &self.sections_to_change {
            writeln!(
                out,
                "Change wrapper-key-id in the [[kms]] section {section:?} to the new one, or take it out: until then no command opens the vault."
            )?;
        }
        Ok(())
    }
}
