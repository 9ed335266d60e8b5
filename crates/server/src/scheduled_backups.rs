//! Backups that the server makes by itself.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use strongroom_vault::{BackupMeans, BackupSchedule, BackupTurn, Caller, Role, Vault};
use tokio::sync::watch;

/// How often the clock is looked at, which may be put forward, and the role of this process.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Who knows when backups are made, and where their secrets are.
pub trait BackupMaker: fmt::Debug + Send + Sync {
    /// When, and where to.
    fn schedule(&self) -> &BackupSchedule;

    /// Reads who can read the next one, and what opens it: now, since files change.
    ///
    /// # Errors
    /// Whatever is in the way; it is logged, and tried again.
    fn means(&self) -> Result<BackupMeans, Box<dyn Error + Send + Sync>>;
}

/// Backups that the server makes by itself, and how that goes. Clones tell of the same.
#[derive(Clone, Debug)]
pub struct ScheduledBackups {
    maker: Arc<dyn BackupMaker>,
    caller: Caller,
    failures: Arc<AtomicU32>,
}

#[derive(Debug, thiserror::Error)]
#[error("the backup is not sound: 'strongroom backup verify' says why")]
struct NotSound;

impl ScheduledBackups {
    /// Those that `maker` wants, in the name of `caller`.
    #[must_use]
    pub fn new(caller: Caller, maker: Arc<dyn BackupMaker>) -> Self {
        Self {
            maker,
            caller,
            failures: Arc::default(),
        }
    }

    /// How old the newest may become.
    pub(crate) fn every(&self) -> Duration {
        self.maker.schedule().every
    }

    /// Rounds in a row that failed; 0 when all is well.
    pub(crate) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Makes what is due, until the server is to end. A round that is under way then is finished.
    pub(crate) async fn keep(self, vault: Arc<Vault>, mut ending: watch::Receiver<bool>) {
        while !*ending.borrow() {
            let pause = self.turn(&vault).await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _gone = ending.wait_for(|ending| *ending) => {}
            }
        }
    }

    /// Does what is due, and says how long to wait.
    async fn turn(&self, vault: &Vault) -> Duration {
        // Another process writes, and makes them if it is told to.
        if vault.standing().await.role == Role::Replica {
            self.failures.store(0, Ordering::Relaxed);
            return LOOK_EVERY;
        }
        match self.try_turn(vault).await {
            Ok(pause) => {
                self.failures.store(0, Ordering::Relaxed);
                pause.min(LOOK_EVERY)
            }
            Err(error) => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                let error: &(dyn Error + 'static) = error.as_ref();
                tracing::error!(
                    error,
                    failures,
                    "a backup on schedule failed, and is tried again"
                );
                self.maker.schedule().again_in(failures)
            }
        }
    }

    async fn try_turn(&self, vault: &Vault) -> Result<Duration, Box<dyn Error + Send + Sync>> {
        let (caller, schedule) = (&self.caller, self.maker.schedule());
        let turn = vault.take_backup_turn(caller, schedule, || self.maker.means());
        match turn.await? {
            BackupTurn::NotDue(pause) => Ok(pause),
            BackupTurn::Done(done) if done.is_sound() => {
                let file = done.file.display();
                let (verified, removed) = (done.report.is_some(), done.removed.len());
                tracing::info!(%file, verified, removed, "made a backup on schedule");
                Ok(done.next_in)
            }
            BackupTurn::Done(_) => Err(NotSound.into()),
        }
    }
}
