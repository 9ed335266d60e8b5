//! What every test needs: a folder, a clock that stands still, and a KMS in the folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use strongroom_crypto::clock::Clock;
use strongroom_crypto::{Argon2Cost, SystemRandom, Timestamp};
use strongroom_errors::Coded;
use strongroom_files::{Files, OsFiles};
use strongroom_kms::{
    Audit, AuditFrame, AuditLine, AuditSink, BudgetSettings, KeyWrapper, KmsError, KmsKeyId,
    KmsProvider, Quota, RandomIds, Surrounded, SurroundingsSettings, WrapContext, WrappedKey,
    WrapperKeyRequest,
};
use strongroom_kms_local::{LocalKms, LocalKmsError, Protection};
use strongroom_memory::SecretBytes;

/// The least that Argon2 takes.
pub(crate) const CHEAP: Argon2Cost = Argon2Cost {
    memory_kib: 8,
    iterations: 1,
    lanes: 1,
};

pub(crate) const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// A clock that a test moves.
#[derive(Debug)]
pub(crate) struct StandingClock(AtomicI64);

impl StandingClock {
    pub(crate) fn advance_days(&self, days: i64) {
        self.0.fetch_add(days * DAY_MICROS, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A folder for a key file, gone after the test.
#[derive(Debug)]
pub(crate) struct House {
    folder: tempfile::TempDir,
    pub(crate) clock: Arc<StandingClock>,
    pub(crate) files: Arc<dyn Files>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with_files(Arc::new(OsFiles::new()))
    }

    pub(crate) fn with_files(files: Arc<dyn Files>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            clock: Arc::new(StandingClock(AtomicI64::new(1_800_000_000_000_000))),
            files,
        }
    }

    /// The same folder over another file system.
    pub(crate) fn on(self, files: impl Files + 'static) -> Self {
        Self {
            files: Arc::new(files),
            ..self
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("kms.key")
    }

    pub(crate) fn create(&self, protection: &Protection) -> Result<LocalKms, LocalKmsError> {
        let (random, clock) = (Arc::new(SystemRandom), Arc::clone(&self.clock));
        LocalKms::create(
            Arc::clone(&self.files),
            self.path(),
            protection,
            random,
            clock,
        )
    }

    pub(crate) fn open(&self, passphrase: Option<&str>) -> Result<LocalKms, LocalKmsError> {
        let (random, clock) = (Arc::new(SystemRandom), Arc::clone(&self.clock));
        let passphrase = passphrase.map(secret);
        LocalKms::open(
            Arc::clone(&self.files),
            self.path(),
            passphrase.as_ref(),
            random,
            clock,
        )
    }

    /// A KMS whose file has the passphrase "correct".
    pub(crate) fn with_passphrase(&self) -> LocalKms {
        self.create(&passphrase("correct")).unwrap()
    }

    /// A KMS whose file has no passphrase.
    pub(crate) fn unprotected(&self) -> LocalKms {
        self.create(&Protection::UnprotectedKeyFile).unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    /// Puts other bytes into the place of the key file, behind the back of the KMS.
    pub(crate) fn overwrite(&self, bytes: &[u8]) {
        std::fs::write(self.path(), bytes).unwrap();
    }
}

pub(crate) fn secret(text: &str) -> SecretBytes {
    SecretBytes::from_slice(text.as_bytes())
}

pub(crate) fn passphrase(text: &str) -> Protection {
    Protection::Passphrase(secret(text), CHEAP)
}

pub(crate) fn context() -> WrapContext {
    WrapContext::for_data_key(&[1; 16], &[2; 16])
}

/// Runs what needs no runtime: the local KMS never waits.
pub(crate) fn now<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(call)
}

pub(crate) fn new_wrapper_key(kms: &LocalKms) -> KmsKeyId {
    now(kms.generate_wrapper_key(&WrapperKeyRequest::default())).unwrap()
}

pub(crate) fn wrap(kms: &LocalKms, wrapper_key: &KmsKeyId) -> Result<WrappedKey, KmsError> {
    now(kms.wrap_key(
        wrapper_key,
        &context(),
        &secret("a data key of 32 bytes, or nearly"),
    ))
}

pub(crate) fn unwraps(kms: &LocalKms, wrapped: &WrappedKey) -> Result<(), KmsError> {
    let key = now(kms.unwrap_key(wrapped, &context()))?;
    assert_eq!(key, secret("a data key of 32 bytes, or nearly"));
    Ok(())
}

/// The code of the error that must have come.
#[track_caller]
pub(crate) fn code<T: std::fmt::Debug>(answer: Result<T, impl Coded>) -> &'static str {
    answer.unwrap_err().code().name()
}

#[derive(Debug)]
struct NoLog;

impl AuditSink for NoLog {
    fn write(&self, _line: AuditLine) {}
}

/// Everything that can be around a provider, with quotas that no test exhausts.
pub(crate) fn surrounded(provider: Arc<dyn KmsProvider>) -> Surrounded {
    let settings = SurroundingsSettings {
        hedge_after: Some(std::time::Duration::from_secs(5)),
        budget: Some(BudgetSettings::Shared(Quota {
            per_second: 10_000,
            burst: 10_000,
        })),
        ..SurroundingsSettings::default()
    };
    let random = Arc::new(SystemRandom);
    let ids = Arc::new(RandomIds::uuids(random.clone()));
    let audit = Audit::new(AuditFrame::Gcp, Arc::new(NoLog), ids);
    Surrounded::surround(provider, &settings, random, Some(audit))
}
