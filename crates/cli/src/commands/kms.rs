//! `kms`: the configured key management systems.

mod policy;
#[cfg(feature = "kms-simulate")]
mod simulate;

use std::process::ExitCode;

use clap::Subcommand;
use serde::Serialize;
use strongroom_config::{DriverConfig, KmsProviderConfig, Protection, with_protection};
use strongroom_files::Access;
use strongroom_kms_local::{DEFAULT_COST, LocalKey, LocalKms};

use crate::{
    args::Global,
    commands::init::ProtectionArgs,
    failure::CliError,
    open_kms::{self, OpenKms, OpenedKms},
    output, secrets, session,
};

/// What to do with the configured key management systems.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show where they are and, of the embedded one, the keys in its key file
    #[command(
        after_help = "Examples:\n  strongroom kms show\n  strongroom kms show --output json | jq '.kms[].keys'"
    )]
    Show,
    /// Print what the cloud must allow, in the form that it takes
    ///
    /// The node may use keys, and those of this vault only; whoever administers them may make and delete keys and use none.
    #[command(after_help = "Examples:\n  strongroom kms policy aws\n  \
        strongroom kms policy aws --for administrator --account 123456789012\n  \
        strongroom kms policy aws --mode external")]
    Policy(policy::Options),
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
    #[cfg(feature = "kms-simulate")]
    Simulate(simulate::Options),
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
    kind: &'static str,
    /// Where it is, for people.
    place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protection: Option<String>,
    /// Those of the embedded KMS; others are asked elsewhere.
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
            let kms = OpenKms::open(&session::read_config(global)?).await?;
            let views = kms.iter().map(KmsView::of);
            Report {
                kms: views.collect(),
                changed_config: None,
            }
        }
        Command::Policy(options) => {
            policy::run(global, &options)?;
            return Ok(ExitCode::SUCCESS);
        }
        #[cfg(feature = "kms-simulate")]
        Command::Simulate(options) => {
            simulate::run(global, &options).await?;
            return Ok(ExitCode::SUCCESS);
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
            writeln!(out, "{}: {}", kms.name, kms.place)?;
            let Some(protection) = &kms.protection else {
                writeln!(out, "keys are listed by its own console\n")?;
                continue;
            };
            writeln!(out, "protection: {protection}\n")?;
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
    fn of(kms: &OpenedKms) -> Self {
        if let Some(local) = kms.local() {
            return Self::of_local(&kms.name, local);
        }
        Self {
            name: kms.name.clone(),
            kind: kms.config.kind(),
            place: place(kms),
            key_file: None,
            protection: None,
            keys: Vec::new(),
        }
    }

    fn of_local(name: &str, local: &LocalKms) -> Self {
        let key_file = local.path().display().to_string();
        Self {
            name: name.to_owned(),
            kind: "local",
            place: key_file.clone(),
            key_file: Some(key_file),
            protection: Some(local.describe().protection.to_string()),
            keys: local.list_keys().iter().map(KeyView::of).collect(),
        }
    }
}

/// Where a KMS is, in words.
fn place(kms: &OpenedKms) -> String {
    match &kms.config {
        KmsProviderConfig::Aws(aws) => match (&aws.endpoint, &aws.region) {
            (Some(endpoint), _) => format!("AWS KMS at {endpoint}"),
            (None, Some(region)) => format!("AWS KMS in {region}"),
            (None, None) => "AWS KMS in the region of the environment".to_owned(),
        },
        KmsProviderConfig::Driver(driver) => {
            let place = match driver {
                DriverConfig::Socket { socket, user: _ } => socket.display().to_string(),
                DriverConfig::Tls(tls) => tls.address.clone(),
            };
            format!("KMS {} behind the driver at {place}", kms.provider_name())
        }
        KmsProviderConfig::Local(local) => local.key_file.display().to_string(),
        KmsProviderConfig::Pkcs11(token) => {
            let name = token.token_label.as_ref().or(token.token_serial.as_ref());
            let name = name.map_or("?", String::as_str);
            format!("token {name} of {}", token.module.display())
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
    let Some(config) = section.provider.local_mut() else {
        return Err(CliError::BadArgument {
            value: section.name.clone(),
            expected: "the name of an embedded KMS, which has a key file",
        }
        .into());
    };
    let opened = open_kms::open_local(config);
    let before = std::mem::replace(&mut config.protection, wanted.clone());
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
            open_kms::open_local(config).map_err(|_also_refused| refused)?
        }
        (Err(refused), _) => return Err(refused),
    };
    let path = global.config_path();
    session::files().rewrite_durably(&path, changed.as_bytes(), Access::OwnerOnly)?;
    Ok(Report {
        kms: vec![KmsView::of_local(&section.name, &local)],
        changed_config: (changed != text).then(|| path.display().to_string()),
    })
}
