//! `kms`: the embedded key management system.

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use strongroom_config::{KmsProviderConfig, Protection, with_protection};
use strongroom_files::Access;
use strongroom_kms_local::{DEFAULT_COST, LocalKey, LocalKms};

use crate::{
    args::Global,
    commands::init::ProtectionArgs,
    failure::CliError,
    output, secrets,
    session::{self, OpenKms},
};

/// What to do with the embedded key management system.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the key file and the keys in it
    #[command(
        after_help = "Examples:\n  strongroom kms show\n  strongroom kms show --output json | jq '.kms[].keys'"
    )]
    Show,
    /// Give the key file a passphrase, or another one, or take it away
    #[command(
        after_help = "Examples:\n  strongroom kms protect --passphrase-prompt\n  \
        strongroom kms protect --passphrase-file /run/secrets/strongroom"
    )]
    Protect {
        #[command(flatten)]
        protection: ProtectionArgs,
        /// Which KMS, by its configured name [default: the first].
        #[arg(long)]
        kms: Option<String>,
    },
}

#[derive(Serialize)]
struct Report {
    kms: Vec<KmsView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_config: Option<String>,
}

#[derive(Serialize)]
struct KmsView {
    name: String,
    key_file: String,
    protection: String,
    keys: Vec<KeyView>,
}

#[derive(Serialize)]
struct KeyView {
    id: String,
    kind: String,
    state: String,
    version: i32,
    label: Option<String>,
    created_at: String,
}

pub(crate) async fn run(global: &Global, command: Command) -> anyhow::Result<ExitCode> {
    let report = match command {
        Command::Show => {
            let kms = OpenKms::open(&session::read_config(global)?)?;
            let views = kms.iter().map(|kms| KmsView::of(&kms.name, &kms.local));
            Report {
                kms: views.collect(),
                changed_config: None,
            }
        }
        Command::Protect { protection, kms } => protect(global, &protection, kms.as_deref())?,
    };
    output::print(global.output, &report, |out| {
        if let Some(path) = &report.changed_config {
            writeln!(
                out,
                "changed 'protection' in {path}, and nothing else there\n"
            )?;
        }
        for kms in &report.kms {
            writeln!(
                out,
                "{}: {}\nprotection: {}\n",
                kms.name, kms.key_file, kms.protection
            )?;
            let rows = kms.keys.iter().map(|key| {
                [
                    key.id.clone(),
                    key.kind.clone(),
                    key.state.clone(),
                    key.version.to_string(),
                    key.created_at.clone(),
                ]
            });
            writeln!(
                out,
                "{}",
                output::table(["ID", "KIND", "STATE", "VERSION", "CREATED"], rows)
            )?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

impl KmsView {
    fn of(name: &str, local: &LocalKms) -> Self {
        Self {
            name: name.to_owned(),
            key_file: local.path().display().to_string(),
            protection: local.describe().protection.to_string(),
            keys: local.list_keys().iter().map(KeyView::of).collect(),
        }
    }
}

impl KeyView {
    fn of(key: &LocalKey) -> Self {
        Self {
            id: key.id.to_string(),
            kind: key.kind.to_string(),
            state: key.state.to_string(),
            version: key.version,
            label: key.label.as_ref().map(|label| label.as_str().to_owned()),
            created_at: output::moment(key.created_at),
        }
    }
}

/// Protects the key file anew and says so in the configuration.
///
/// The file changes first. When the second step did not happen, the configuration does not open the file, but what is
/// wanted does: then only that step is left to do.
fn protect(global: &Global, args: &ProtectionArgs, name: Option<&str>) -> anyhow::Result<Report> {
    let (text, mut config) = session::read_config_text(global)?;
    let wanted = args.to_config()?;
    let section = match name {
        None => config.kms.first_mut(),
        Some(name) => config.kms.iter_mut().find(|kms| kms.name == name),
    };
    let section = section.ok_or_else(|| CliError::BadArgument {
        value: name.unwrap_or_default().to_owned(),
        expected: "the name of a [[kms]] section",
    })?;
    // Whoever wrote the configuration keeps its comments; that it can be changed is known before the key file changes.
    let changed = with_protection(&text, &section.name, &wanted)?;
    let opened = session::open_local(section);
    let KmsProviderConfig::Local { protection, .. } = &mut section.provider;
    let before = std::mem::replace(protection, wanted.clone());
    let local = match (opened, &wanted) {
        (Ok(local), Protection::UnprotectedKeyFile {}) => {
            local.danger_remove_passphrase()?;
            local
        }
        (Ok(local), Protection::Passphrase { from }) => {
            local.change_protection(
                secrets::read_new(from, "New passphrase of the key file")?,
                DEFAULT_COST,
            )?;
            local
        }
        (Err(refused), _) if before != wanted => {
            session::open_local(section).map_err(|_also_refused| refused)?
        }
        (Err(refused), _) => return Err(refused),
    };
    let path = global.config_path();
    session::files().rewrite_durably(&path, changed.as_bytes(), Access::OwnerOnly)?;
    Ok(Report {
        kms: vec![KmsView::of(&section.name, &local)],
        changed_config: (changed != text).then(|| path.display().to_string()),
    })
}
