//! `backup schedule`.

use std::{num::NonZeroUsize, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use serde::Serialize;
use strongroom_config::BackupScheduleConfig;
use strongroom_crypto::clock::{Clock as _, SystemClock};
use strongroom_vault::{BackupRoundDone, BackupTurn, BackupWork};
use tokio::signal::unix::{SignalKind, signal};

use super::create::ProtectionArgs;
use crate::{
    args::Global,
    backup_schedule::ScheduledBackups,
    exit,
    failure::CliError,
    output,
    session::{self, Session},
};

/// Make backups again and again, verify them, and remove the oldest of them.
///
/// Runs until it is interrupted or told to end (SIGTERM), and opens the vault only while there is something to do: other
/// commands work meanwhile. A backup is due when the folder has none of its own that is younger. What fails is logged and tried
/// again, a backup that is there and could not be verified as it is; with --once it ends the command.
///
/// Only files that this vault made in this way are removed, and never the newest verified one; the vault forgets what is
/// removed. Nothing is removed after a backup that is not sound, nor in quarantine.
///
/// 'strongroom serve' does the same by itself, see [backup.schedule] in the configuration.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom backup schedule --every 24h --keep 14 --to /backups \\\n    --passphrase-file /run/secrets/backup --verify\n  \
    strongroom backup schedule --once --to /backups --recipient age1...")]
pub(crate) struct Options {
    /// The folder for the files; it is there.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// How old the newest backup may become, with its unit.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = interval)]
    every: Duration,
    /// How many are kept.
    #[arg(long, value_name = "NUMBER", default_value = "14")]
    keep: NonZeroUsize,
    #[command(flatten)]
    protection: ProtectionArgs,
    /// Open each backup and use every key in it.
    #[arg(long)]
    verify: bool,
    /// With --verify and --recipient: the secret key of age of a recipient is in this file.
    #[arg(long, value_name = "FILE", requires = "verify")]
    identity_file: Option<PathBuf>,
    /// Make one backup now, and end.
    #[arg(long)]
    once: bool,
}

/// What a round did.
#[derive(Serialize)]
struct Report {
    file: String,
    backup: String,
    verified: bool,
    sound: bool,
    removed: Vec<String>,
}

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(60);

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    // Before the clock: what fails there is tried again.
    session::refuse_endpoint(global)?;
    options.check()?;
    let once = options.once;
    let backups = ScheduledBackups::of(&options.into_config()?)?;
    if once {
        let session = Session::open(global).await?;
        let (schedule, work) = (backups.schedule(), BackupWork::Make);
        let round = async {
            let means = backups.means()?;
            let caller = &session.caller;
            let done = session
                .vault
                .back_up_on_schedule(caller, schedule, work, means);
            anyhow::Ok(done.await?)
        };
        let done = round.await;
        session.close().await;
        let report = Report::print(global, &done?)?;
        return Ok(ExitCode::from(if report.sound { 0 } else { exit::NO }));
    }
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut ended = signal(SignalKind::terminate())?;
    let mut failures = 0;
    loop {
        // A round is not cut short: whoever ends the program waits for it.
        let pause = match turn(global, &backups).await {
            Ok(pause) => {
                failures = 0;
                pause
            }
            Err(error) => {
                failures += 1;
                let error: &(dyn std::error::Error + 'static) = error.as_ref();
                tracing::error!(error, "a backup on schedule failed, and is tried again");
                backups.schedule().again_in(failures)
            }
        };
        tokio::select! {
            () = wait(pause) => {}
            _signal = interrupted.recv() => return Ok(ExitCode::SUCCESS),
            _signal = ended.recv() => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Does what is due, and says how long to wait.
async fn turn(global: &Global, backups: &ScheduledBackups) -> anyhow::Result<Duration> {
    let session = Session::open(global).await?;
    let (caller, schedule) = (&session.caller, backups.schedule());
    let means = || backups.means();
    let turn = session.vault.take_backup_turn(caller, schedule, means);
    let turn = turn.await;
    session.close().await;
    match turn? {
        BackupTurn::NotDue(pause) => Ok(pause),
        BackupTurn::Done(done) if Report::print(global, &done)?.sound => Ok(done.next_in),
        BackupTurn::Done(_) => {
            anyhow::bail!("the backup is not sound: 'strongroom backup verify' says why")
        }
    }
}

/// Waits by the clock of the machine, which may be put forward meanwhile. The vault stays closed: each opening is a call to its
/// KMS.
async fn wait(pause: Duration) {
    let now = || SystemClock.now().as_micros();
    let due = now().saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX));
    let left = || Duration::from_micros(due.saturating_sub(now()).max(0).unsigned_abs());
    // A clock that was put back makes nobody wait for longer than was said.
    let mut waited = Duration::ZERO;
    while waited < pause && !left().is_zero() {
        let nap = left().min(pause - waited).min(LOOK);
        tokio::time::sleep(nap).await;
        waited += nap;
    }
}

impl Options {
    fn check(&self) -> anyhow::Result<()> {
        if self.verify && self.protection.is_for_recipients() && self.identity_file.is_none() {
            return Err(CliError::FlagMissing {
                flag: "--identity-file",
            }
            .into());
        }
        if self.protection.asks() {
            return Err(CliError::FlagMissing {
                flag: "--passphrase-file",
            }
            .into());
        }
        Ok(())
    }

    fn into_config(self) -> std::io::Result<BackupScheduleConfig> {
        Ok(BackupScheduleConfig {
            folder: std::path::absolute(self.to)?,
            every: self.every,
            keep: self.keep,
            verify: self.verify,
            protection: self.protection.into_config(self.identity_file)?,
        })
    }
}

impl Report {
    fn print(global: &Global, done: &BackupRoundDone) -> anyhow::Result<Self> {
        let report = Self::of(done);
        output::print(global.output, &report, |out| {
            let verified = match (report.verified, report.sound) {
                (false, _) => "not verified",
                (true, true) => "sound",
                (true, false) => "NOT SOUND",
            };
            writeln!(out, "{}: {verified}", report.file)?;
            for file in &report.removed {
                writeln!(out, "removed {file}")?;
            }
            Ok(())
        })?;
        Ok(report)
    }

    fn of(done: &BackupRoundDone) -> Self {
        Self {
            file: done.file.display().to_string(),
            backup: done.backup.id.to_string(),
            verified: done.report.is_some(),
            sound: done.is_sound(),
            removed: done
                .removed
                .iter()
                .map(|file| file.display().to_string())
                .collect(),
        }
    }
}

/// From a minute to a year.
fn interval(text: &str) -> Result<Duration, String> {
    let signed: jiff::SignedDuration = text
        .parse()
        .map_err(|error: jiff::Error| error.to_string())?;
    let allowed = Duration::from_secs(60)..=Duration::from_secs(366 * 86_400);
    Duration::try_from(signed)
        .ok()
        .filter(|every| allowed.contains(every))
        .ok_or_else(|| "a duration from a minute to a year, such as '24h'".to_owned())
}
