//! `import canton-db`.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_canton_db::Address;
use strongroom_config::SecretSource;
use strongroom_errors::{Coded as _, in_words};
use strongroom_memory::SecretBytes;
use strongroom_vault::{CantonImport, CantonOrigin, CantonOutcome, CantonRow};

use crate::{
    args::Global,
    exit,
    failure::CliError,
    output, secrets,
    session::{self, Session},
};

/// Take in all keys of a Canton node, as they stand in its PostgreSQL database.
///
/// Private keys that are readable there, and those that a KMS encrypted, come into the custody that the configuration names;
/// keys that a KMS holds stay there and are registered; public keys come as such. All of them come, or none. What the vault
/// has already is left as it is, so that an interrupted import is simply run again.
///
/// The database is only read, at one moment: stop the node first, or keys that it makes later are missed. Keys that were
/// readable there come in marked as exposed. Exit status 1 when rows were left out. Databases of H2 are not read: export keys from those one by one.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom import canton-db --url postgres://reader@db.example.com/node \\\n    --dry-run\n  \
    strongroom import canton-db --url-file /run/secrets/canton-url --kms aws\n  \
    strongroom import canton-db --url-env CANTON_URL --output json")]
pub(crate) struct Options {
    #[command(flatten)]
    address: AddressArgs,
    /// The KMS that opens encrypted rows and holds keys [default: each that opens, and the one for external keys].
    #[arg(long, value_name = "NAME")]
    kms: Option<String>,
    /// Read and check everything, the KMS included, and keep nothing.
    #[arg(long)]
    dry_run: bool,
    /// Leave out rows that cannot be read, and list them. Not those that a KMS does not open because it is down.
    #[arg(long)]
    skip_unreadable: bool,
}

/// Where the address of the database is; exactly one.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct AddressArgs {
    /// The database, without a password: postgres://USER@HOST/DATABASE. PGPASSWORD or ~/.pgpass may have the password.
    #[arg(long)]
    url: Option<String>,
    /// The address, with a password or without, is in this file.
    #[arg(long, value_name = "FILE")]
    url_file: Option<PathBuf>,
    /// The address, with a password or without, is in this environment variable.
    #[arg(long, value_name = "VARIABLE")]
    url_env: Option<String>,
}

impl AddressArgs {
    fn read(self) -> anyhow::Result<Address> {
        if let Some(url) = self.url {
            let address = Address::parse(&SecretBytes::take(url.into_bytes()))?;
            if address.carries_password() {
                return Err(CliError::PasswordInArgument.into());
            }
            return Ok(address);
        }
        let file = self.url_file.map(SecretSource::File);
        let source = file.or(self.url_env.map(SecretSource::Environment));
        let source = source.ok_or(CliError::FlagMissing { flag: "--url" })?;
        Ok(Address::parse(&secrets::read(&source, "Address")?)?)
    }
}

#[derive(Serialize)]
struct Report {
    dry_run: bool,
    taken: usize,
    /// In a dry run: what would be taken.
    missing: usize,
    there: usize,
    unreadable: usize,
    keys: Vec<KeyReport>,
}

#[derive(Serialize)]
struct KeyReport {
    fingerprint: String,
    table: &'static str,
    purpose: Option<&'static str>,
    name: Option<String>,
    from: &'static str,
    /// The key of the KMS that encrypted or holds it.
    kms_key: Option<String>,
    outcome: &'static str,
    code: Option<&'static str>,
    why: Option<String>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    session::refuse_endpoint(global)?;
    let address = options.address.read()?;
    // Before the vault is locked: a database may take its time.
    let tables = address.read_keys().await?;
    let session = Session::open(global).await?;
    let import = CantonImport {
        tables,
        kms: options.kms,
        skip_unreadable: options.skip_unreadable,
        dry_run: options.dry_run,
    };
    let rows = session.vault.import_canton(&session.caller, import).await?;
    warn_if_clear(&session, &rows);
    session.close().await;
    let report = Report::of(options.dry_run, rows);
    output::print(global.output, &report, |out| report.write(out))?;
    // Whoever destroys the old database next must not overlook what was left there.
    Ok(ExitCode::from(if report.unreadable > 0 {
        exit::NO
    } else {
        0
    }))
}

/// Private keys that were just stored readable are not passed over in silence.
fn warn_if_clear(session: &Session, rows: &[CantonRow]) {
    let taken = |row: &&CantonRow| matches!(row.outcome, CantonOutcome::Taken);
    let keys = rows.iter().filter(taken);
    for entry in keys.filter_map(|row| session.vault.key(&row.key.parse().ok()?).ok()) {
        crate::commands::keys::warn_if_clear(&entry);
    }
}

impl Report {
    fn of(dry_run: bool, rows: Vec<CantonRow>) -> Self {
        let keys: Vec<_> = rows.into_iter().map(KeyReport::of).collect();
        let count = |outcome| keys.iter().filter(|key| key.outcome == outcome).count();
        Self {
            dry_run,
            taken: count("taken"),
            missing: count("missing"),
            there: count("there"),
            unreadable: count("unreadable"),
            keys,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.keys.is_empty() {
            return writeln!(out, "the database has no keys");
        }
        let header = ["FINGERPRINT", "PURPOSE", "NAME", "FROM", "OUTCOME"];
        let rows = self.keys.iter().map(KeyReport::cells);
        writeln!(out, "{}", output::table(header, rows))?;
        let come = match self.dry_run {
            true => format!("{} would be taken", output::counted(self.missing, "key")),
            false => format!("{} taken", output::counted(self.taken, "key")),
        };
        writeln!(out, "{come}, {} there already", self.there)?;
        for key in self.keys.iter().filter(|key| key.why.is_some()) {
            let why = key.why.as_deref().unwrap_or_default();
            writeln!(
                out,
                "left out: row {} of {}: {why}",
                key.fingerprint, key.table
            )?;
        }
        Ok(())
    }
}

impl KeyReport {
    fn of(row: CantonRow) -> Self {
        let from = row.from.name();
        let refusal = match &row.outcome {
            CantonOutcome::Unreadable(error) => Some(error),
            _ => None,
        };
        Self {
            fingerprint: row.key,
            table: row.table,
            purpose: row.purpose.map(|purpose| purpose.name()),
            name: row.name.filter(|name| !name.is_empty()),
            from,
            kms_key: match row.from {
                CantonOrigin::Encrypted { wrapper_key_id } => Some(wrapper_key_id),
                CantonOrigin::Kms { key } => Some(key),
                _ => None,
            },
            code: refusal.map(|error| error.code().name()),
            why: refusal.map(|error| in_words(error)),
            outcome: row.outcome.name(),
        }
    }

    fn cells(&self) -> [String; 5] {
        let from = match (self.from, &self.kms_key) {
            ("encrypted", Some(key)) => format!("encrypted under {key}"),
            (from, Some(key)) => format!("{from} {key}"),
            (from, None) => from.to_owned(),
        };
        [
            self.fingerprint.clone(),
            self.purpose.unwrap_or("-").to_owned(),
            self.name.clone().unwrap_or_else(|| "-".to_owned()),
            from,
            self.outcome.to_owned(),
        ]
    }
}
