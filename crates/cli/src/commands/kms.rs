//! `kms`: the configured key management systems.

mod create;
mod numbers;
mod orphans;
mod policy;
mod probe;
#[cfg(feature = "kms-driver")]
mod serve;
#[cfg(feature = "kms-simulate")]
mod simulate;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Subcommand;
use serde::Serialize;
use strongroom_config::{DriverConfig, KmsProviderConfig, Protection, with_protection};
use strongroom_files::Access;
use strongroom_kms_local::{DEFAULT_COST, LocalKey, LocalKms};

use crate::{
    args::Global,
    commands::init::ProtectionArgs,
    exit,
    failure::CliError,
    open_kms::{self, OpenKms, OpenedKms},
    output, secrets, session,
};

use numbers::Numbers;
use probe::Probe;

/// What to do with the configured key management systems.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show where they are, of the embedded one the keys in its key file, and how the calls of this run went
    ///
    /// With --probe each is asked about the wrapper key of this vault: how long it takes, how often it fails, what it costs.
    /// Exit status 1: one did not answer well.
    #[command(
        after_help = "Examples:\n  strongroom kms show\n  strongroom kms show --probe 20\n  \
        strongroom kms show --output json | jq '.kms[].keys'"
    )]
    Show {
        /// Ask each of them so many times.
        #[arg(long, value_name = "CALLS", num_args = 0..=1, default_missing_value = "1",
            value_parser = clap::value_parser!(u16).range(1..))]
        probe: Option<u16>,
    },
    /// Print what the cloud must allow, in the form that it takes
    ///
    /// A node uses keys, an administrator makes them, and whoever deletes does neither: three roles, each bound to this vault as
    /// far as the cloud can tell (Google: to the key ring, or to the configured wrapper key). Day by day a node needs the first
    /// alone. Commands that make keys ('init', 'keys generate-*' and 'rotate' in custody external, 'wrapper-key add') open the
    /// vault too and need '--for node,administrator'; 'keys delete' and 'kms orphans --delete' need '--for node,deletion', also
    /// after an import that was interrupted: an administrator does not delete what it left behind. A key that others made is used
    /// if it has the tags that this prints, or if it is the configured wrapper key.
    #[command(after_help = "Examples:\n  strongroom kms policy aws\n  \
        strongroom kms policy aws --for administrator --account 123456789012\n  \
        strongroom kms policy aws --mode external\n  \
        strongroom kms policy gcp --mode envelope \\\n    \
        --member serviceAccount:node@ledger-prod.iam.gserviceaccount.com")]
    Policy(policy::Options),
    Orphans(orphans::Options),
    CreateKeyFile(create::Options),
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
    #[cfg(feature = "kms-driver")]
    Serve(serve::Options),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<Probe>,
    /// How the calls of this run went.
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Numbers>,
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
        Command::Show { probe } => Report {
            kms: look_at_each(global, probe).await?,
            changed_config: None,
        },
        Command::Policy(options) => {
            policy::run(global, &options)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Orphans(options) => return orphans::run(global, options).await,
        Command::CreateKeyFile(options) => return create::run(global, &options),
        #[cfg(feature = "kms-driver")]
        Command::Serve(options) => {
            serve::run(global, &options).await?;
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
            kms.print_keys(out)?;
            kms.print_calls(out)?;
        }
        Ok(())
    })?;
    let mut probes = report.kms.iter().filter_map(|kms| kms.probe.as_ref());
    let answered = probes.all(Probe::answered);
    Ok(ExitCode::from(if answered { 0 } else { exit::NO }))
}

async fn look_at_each(global: &Global, probe: Option<u16>) -> anyhow::Result<Vec<KmsView>> {
    let config = session::read_config(global)?;
    let opened = OpenKms::open(&config, &global.kms).await?;
    let mut views = Vec::new();
    for kms in opened.iter() {
        let mut view = KmsView::of(kms);
        if let Some(calls) = probe {
            view.probe = Some(Probe::of(&config, kms, calls).await);
        }
        view.metrics = Some(Numbers::of(kms));
        views.push(view);
    }
    Ok(views)
}

impl KmsView {
    fn print_keys(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(protection) = &self.protection else {
            return match self.kind {
                "recovery" => writeln!(out),
                _ => writeln!(out, "keys are listed by its own console\n"),
            };
        };
        writeln!(out, "protection: {protection}\n")?;
        let rows = self.keys.iter().map(|key| {
            [
                key.id.clone(),
                key.kind.clone(),
                key.state.clone(),
                key.version.to_string(),
                key.created_at.clone(),
            ]
        });
        let header = ["ID", "KIND", "STATE", "VERSION", "CREATED"];
        writeln!(out, "{}\n", output::table(header, rows))
    }

    fn print_calls(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(probe) = &self.probe {
            writeln!(out, "{}", probe.line())?;
        }
        match &self.metrics {
            Some(metrics) => metrics.print(out),
            None => Ok(()),
        }
    }

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
            probe: None,
            metrics: None,
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
            probe: None,
            metrics: None,
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
        KmsProviderConfig::Gcp(gcp) => {
            let (project, location) = (&gcp.project, &gcp.location);
            let ring = format!("key ring {} of {project} in {location}", gcp.key_ring);
            match &gcp.endpoint {
                Some(endpoint) => format!("Google Cloud KMS at {endpoint}, {ring}"),
                None => format!("Google Cloud KMS, {ring}"),
            }
        }
        KmsProviderConfig::Local(local) => local.key_file.display().to_string(),
        KmsProviderConfig::Recovery(key) => format!("kept offline, for {}", key.recipient),
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
