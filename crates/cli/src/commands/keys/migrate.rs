//! `keys migrate`: a private key in another place, with the same identity.

use std::{
    collections::HashMap,
    io::{self, Write},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use serde::Serialize;
use strongroom_crypto::Fingerprint;
use strongroom_errors::Coded as _;
use strongroom_server::access::Operation;
use strongroom_store::Custody;
use strongroom_vault::{KeyEntry, KeyFilter, MigrationError, Move, Place, Vault, VaultError};

use crate::{
    args::Global, client::Client, exit, failure::CliError, output, progress, session::Session,
};

/// Move private keys to another place, with the same identity: nothing is announced, and nobody notices.
///
/// To 'external', a KMS takes the key in and must show that it does the work of the key before the vault relies on it. The
/// sealed key stays here all the same, so that --to envelope takes it back, until 'keys drop-copy' gives it up. A KMS gives
/// nothing out, and not every KMS takes every key in: --dry-run says what moves, and what can only be rotated.
///
/// To 'clear', keys are stored readable; the configuration must keep keys of their usages so. Interrupted, the same command
/// goes on. Exit status 1 when keys stay where they are because they cannot be moved.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys migrate --all --to external --kms aws --dry-run\n  \
    strongroom keys migrate --all --to external --kms aws\n  \
    strongroom keys migrate 1220... --to envelope\n  \
    strongroom keys migrate --all --from clear --to envelope\n  \
    strongroom keys migrate 1220... --to clear --danger-store-readable")]
pub(crate) struct Options {
    /// The key.
    #[arg(required_unless_present = "all")]
    fingerprint: Option<Fingerprint>,
    /// Every private key.
    #[arg(long, conflicts_with = "fingerprint")]
    all: bool,
    /// With --all: only keys that are in this custody.
    #[arg(long, value_name = "CUSTODY", requires = "all")]
    from: Option<CustodyArg>,
    /// Where to.
    #[arg(long, value_name = "CUSTODY")]
    to: CustodyArg,
    /// With --to external: the KMS, by its configured name [default: the one that makes new external keys].
    #[arg(long, value_name = "NAME")]
    kms: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// With --to clear: yes, whoever gets the database shall get the keys.
    #[arg(long)]
    danger_store_readable: bool,
}

/// Where a private key is, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CustodyArg {
    /// In the database, readable.
    Clear,
    /// In the database, sealed.
    Envelope,
    /// In a KMS.
    External,
}

impl From<CustodyArg> for Custody {
    fn from(custody: CustodyArg) -> Self {
        match custody {
            CustodyArg::Clear => Self::Clear,
            CustodyArg::Envelope => Self::Envelope,
            CustodyArg::External => Self::External,
        }
    }
}

impl Options {
    fn place(&self) -> Result<Place, CliError> {
        let kms = self.kms.clone();
        match self.to {
            CustodyArg::External => Ok(Place::External { kms }),
            _ if kms.is_some() => Err(CliError::FlagMissing {
                flag: "--to external",
            }),
            CustodyArg::Envelope => Ok(Place::Envelope),
            CustodyArg::Clear if self.danger_store_readable || self.dry_run => Ok(Place::Clear),
            CustodyArg::Clear => Err(CliError::NotConfirmed {
                flag: "--danger-store-readable",
            }),
        }
    }

    /// What is asked for, for whoever approves it.
    fn request(&self, place: &Place) -> String {
        let from = self.from.map(|from| Custody::from(from).name());
        let meant = match &self.fingerprint {
            Some(key) => key.to_string(),
            None => format!("all from={}", from.unwrap_or("-")),
        };
        format!("keys migrate {meant} to {place:?}")
    }

    /// The keys that shall move.
    fn keys(&self, vault: &Vault) -> Result<Vec<Fingerprint>, VaultError> {
        if let Some(fingerprint) = self.fingerprint {
            return Ok(vec![fingerprint]);
        }
        let from = self.from.map(Custody::from);
        let is_meant = |key: &KeyEntry| {
            let half = key.private.as_ref();
            half.is_some_and(|half| from.is_none_or(|from| half.custody == from))
        };
        let every = vault.list(&KeyFilter::default())?;
        let meant = every.iter().filter(|key| is_meant(key));
        Ok(meant.map(|key| key.fingerprint()).collect())
    }
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let place = options.place()?;
    let Moved { keys, outcome } = match Client::open(global).await? {
        Client::Here(session) => here(global, *session, &options, &place).await?,
        Client::There(server) => {
            let asked = Asked {
                key: options.fingerprint,
                from: options.from.map(Custody::from),
                place,
                dry_run: options.dry_run,
            };
            let bar = progress::bar(global, 0, "moving keys");
            let tell = |done, of| {
                bar.set_length(of);
                bar.set_position(done);
            };
            let moved = server.migrate_keys(asked, tell).await;
            bar.finish_and_clear();
            moved?
        }
    };
    let mut report = Report {
        dry_run: options.dry_run,
        keys,
    };
    // A key that was asked for by itself is an error if it stays.
    if options.fingerprint.is_some()
        && let Some(why) = report.keys.pop_if(|key| key.stays.is_some())
        && let Some(error) = why.stays.and_then(|why| why.error)
    {
        return Err(error);
    }
    // What was done is told, also if the rest was not.
    if outcome.is_ok() || !report.keys.is_empty() {
        output::print(global.output, &report, |out| {
            report.write(out, &global.vault_args())
        })?;
    }
    outcome?;
    let stays = report.keys.iter().any(|key| key.stays.is_some());
    Ok(ExitCode::from(if stays { exit::NO } else { 0 }))
}

/// What is asked of a server.
pub(crate) struct Asked {
    /// None: all.
    pub(crate) key: Option<Fingerprint>,
    /// Only keys that are in this custody.
    pub(crate) from: Option<Custody>,
    pub(crate) place: Place,
    pub(crate) dry_run: bool,
}

/// What became of keys, and what ended it early.
pub(crate) struct Moved {
    pub(crate) keys: Vec<View>,
    pub(crate) outcome: anyhow::Result<()>,
}

async fn here(
    global: &Global,
    session: Session,
    options: &Options,
    place: &Place,
) -> anyhow::Result<Moved> {
    let vault = &session.vault;
    let keys = options.keys(vault)?;
    if !options.dry_run {
        let operation = match place {
            Place::Clear if session.needs(Operation::KeysRevert) => Operation::KeysRevert,
            _ => Operation::KeysMigrate,
        };
        let request = options.request(place);
        session.approved_about(operation, &request, &keys).await?;
    }
    let mut views = Vec::with_capacity(keys.len());
    let bar = progress::bar(global, keys.len() as u64, "moving keys");
    let before: HashMap<_, _> = keys
        .iter()
        .filter_map(|key| Some((*key, vault.key(key).ok()?)))
        .collect();
    let mut hears = |key: &Fingerprint, moved: Result<Move, MigrationError>| {
        if let (Some(before), Ok(after)) = (before.get(key), vault.key(key)) {
            views.push(match moved {
                Ok(moved) => View::moved(before, &after, place, &moved),
                Err(why) => View::stays(before, why),
            });
        }
        bar.inc(1);
    };
    let outcome = if options.dry_run {
        plan(vault, &keys, place, &mut hears)
    } else {
        let caller = &session.caller;
        vault.migrate_keys(caller, &keys, place, &mut hears).await
    };
    bar.finish_and_clear();
    session.close().await;
    let outcome = match outcome {
        Err(VaultError::Store(source)) if views.len() == keys.len() => {
            Err(CliError::NotScrubbed { source }.into())
        }
        other => other.map_err(anyhow::Error::from),
    };
    Ok(Moved {
        keys: views,
        outcome,
    })
}

/// Tells what would be done.
fn plan(
    vault: &Vault,
    keys: &[Fingerprint],
    place: &Place,
    hears: &mut impl FnMut(&Fingerprint, Result<Move, MigrationError>),
) -> Result<(), VaultError> {
    for key in keys {
        match vault.plan_move(key, place) {
            Ok(planned) => hears(key, Ok(planned)),
            Err(VaultError::Migration(why)) => hears(key, Err(why)),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Report {
    dry_run: bool,
    keys: Vec<View>,
}

/// What became of a key.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    pub(crate) fingerprint: String,
    pub(crate) name: Option<String>,
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// What was, or would be, done: nothing, seal, unseal, bring, take-back.
    pub(crate) r#move: Option<&'static str>,
    /// The KMS that holds the key, or would.
    pub(crate) kms: Option<String>,
    /// The key there.
    pub(crate) kms_key_id: Option<String>,
    /// A sealed copy is still here.
    pub(crate) copy: bool,
    /// Why it stays where it is.
    pub(crate) stays: Option<Reason>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Reason {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) advice: String,
    #[serde(skip)]
    pub(crate) error: Option<anyhow::Error>,
}

impl View {
    fn of(before: &KeyEntry) -> Self {
        let half = before.private.as_ref();
        let custody = half.map_or("-", |half| half.custody.name());
        Self {
            fingerprint: before.fingerprint().to_string(),
            name: before.name.as_ref().map(|name| name.as_str().to_owned()),
            from: custody,
            to: custody,
            r#move: None,
            kms: None,
            kms_key_id: None,
            copy: false,
            stays: None,
        }
    }

    fn moved(before: &KeyEntry, after: &KeyEntry, place: &Place, moved: &Move) -> Self {
        let half = after.private.as_ref();
        let held = half.and_then(|half| half.external.as_ref());
        let planned = match moved {
            Move::Bring(kms) => Some(kms.clone()),
            _ => None,
        };
        Self {
            to: place.custody().name(),
            r#move: Some(moved.name()),
            kms: held.map(|held| held.kms.clone()).or(planned),
            kms_key_id: held.map(|held| held.key_id.clone()),
            copy: half.is_some_and(|half| half.has_copy()),
            ..Self::of(before)
        }
    }

    fn stays(before: &KeyEntry, error: MigrationError) -> Self {
        Self {
            stays: Some(Reason {
                code: error.code().name().to_owned(),
                message: error.to_string(),
                advice: error.code().advice().to_owned(),
                error: Some(VaultError::from(error).into()),
            }),
            ..Self::of(before)
        }
    }
}

impl Report {
    fn write(&self, out: &mut dyn Write, vault: &str) -> io::Result<()> {
        if self.keys.is_empty() {
            return writeln!(out, "no key is meant");
        }
        let rows = self.keys.iter().map(|key| {
            [
                key.fingerprint.clone(),
                key.name.clone().unwrap_or_else(|| "-".to_owned()),
                key.from.to_owned(),
                key.to.to_owned(),
                match (&key.stays, key.r#move) {
                    (Some(why), _) => why.code.clone(),
                    (None, moved) => moved.unwrap_or("-").to_owned(),
                },
                key.kms.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        });
        let header = ["FINGERPRINT", "NAME", "FROM", "TO", "MOVE", "KMS"];
        writeln!(out, "{}", output::table(header, rows))?;
        if self.dry_run {
            writeln!(out, "\nNothing was done: this is what would be.")?;
        }
        let mut reasons: Vec<_> = self
            .keys
            .iter()
            .filter_map(|key| key.stays.as_ref())
            .collect();
        reasons.sort_by_key(|why| &why.code);
        reasons.dedup_by_key(|why| &why.code);
        for why in reasons {
            writeln!(out, "\n{}: {}", why.code, why.advice)?;
        }
        if !self.dry_run && self.keys.iter().any(|key| key.copy) {
            writeln!(
                out,
                "\nThe sealed keys are still here, beside those in the KMS, and can be taken back:\n  \
                strongroom keys migrate {vault} --all --from external --to envelope\n\
                When the node works with the KMS, and a backup is verified, give them up:\n  \
                strongroom keys drop-copy {vault} --all --yes"
            )?;
        }
        Ok(())
    }
}
