//! The KMS log: every call of a key management system, in Canton's lines, in a file of its own or in the log of the process.

mod error;
mod file;
mod line;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, ValueEnum};
use parking_lot::Mutex;
use strongroom_config::{KmsConfig, KmsLogConfig, RollingPattern};
use strongroom_crypto::{
    SystemRandom,
    clock::{Clock, SystemClock},
};
use strongroom_kms::{Audit, AuditFrame, AuditLine, AuditSeverity, AuditSink, RandomIds};

pub(crate) use error::KmsLogError;
use file::RollingFile;
use line::Logger;

/// What flags and the environment say about the log, under Canton's names. It wins over the configuration.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct KmsLogArgs {
    // The other flags have Canton's names too; one line in the help of every command is enough.
    /// Write every call of a KMS to this file, in Canton's lines; see `[kms-log]` of `config example`.
    #[arg(
        id = "kms_log_file_name",
        long = "kms-log-file-name",
        global = true,
        value_name = "FILE",
        env = "KMS_LOG_FILE_NAME"
    )]
    file: Option<PathBuf>,
    /// When a new file begins.
    #[arg(
        id = "kms_log_file_rolling_pattern",
        long = "kms-log-file-rolling-pattern",
        global = true,
        hide = true,
        env = "KMS_LOG_FILE_ROLLING_PATTERN"
    )]
    pattern: Option<Pattern>,
    /// How many files are kept.
    // Canton's documents have the first name, its program the second.
    #[arg(
        id = "kms_log_file_history",
        long = "kms-log-file-history",
        alias = "kms-log-file-rolling-history",
        global = true,
        hide = true,
        env = "KMS_LOG_FILE_HISTORY"
    )]
    history: Option<u32>,
    /// Whether each line is written at once.
    #[arg(
        id = "kms_log_immediate_flush",
        long = "kms-log-immediate-flush",
        global = true,
        hide = true,
        env = "KMS_LOG_IMMEDIATE_FLUSH"
    )]
    immediate_flush: Option<bool>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Pattern {
    #[value(name = "yyyy-MM-dd")]
    Daily,
    #[value(name = "yyyy-MM-dd-HH")]
    Hourly,
}

impl KmsLogArgs {
    /// The settings of the log, where flags and environment win.
    fn over(&self, configured: &KmsLogConfig) -> KmsLogConfig {
        KmsLogConfig {
            file: self.file.clone().or_else(|| configured.file.clone()),
            rolling_pattern: match self.pattern {
                Some(Pattern::Daily) => RollingPattern::Daily,
                Some(Pattern::Hourly) => RollingPattern::Hourly,
                None => configured.rolling_pattern,
            },
            history: self.history.unwrap_or(configured.history),
            immediate_flush: self.immediate_flush.unwrap_or(configured.immediate_flush),
        }
    }
}

/// The log of a run.
#[derive(Debug)]
pub(crate) struct KmsLog {
    /// None: lines go to the log of the process.
    file: Option<Mutex<RollingFile>>,
    clock: Arc<dyn Clock>,
}

impl KmsLog {
    /// Opens the log that `configured` and `args` ask for; none if none of `all` is to be written down.
    ///
    /// # Errors
    /// [`KmsLogError`] if there is to be a file and it cannot be had: nothing is called unseen then.
    pub(crate) fn open(
        configured: &KmsLogConfig,
        args: &KmsLogArgs,
        all: &[KmsConfig],
    ) -> Result<Option<Arc<Self>>, KmsLogError> {
        let settings = args.over(configured);
        let to_file = settings.file.is_some();
        if !all.iter().any(|kms| is_wanted(kms, to_file)) {
            return Ok(None);
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let open = |path: &Path| RollingFile::open(path, &settings, clock.now());
        let file = settings.file.as_deref().map(open).transpose()?;
        Ok(Some(Arc::new(Self {
            file: file.map(Mutex::new),
            clock,
        })))
    }

    /// The log of one KMS; none if it is not to be written down.
    pub(crate) fn audit(self: &Arc<Self>, kms: &KmsConfig, frame: AuditFrame) -> Option<Audit> {
        if !is_wanted(kms, self.file.is_some()) {
            return None;
        }
        let random = Arc::new(SystemRandom);
        let ids = match frame {
            AuditFrame::Aws { .. } => RandomIds::spans(random),
            AuditFrame::Gcp => RandomIds::uuids(random),
        };
        let sink = KmsLines {
            logger: Logger::new(&frame, &kms.name),
            log: Arc::clone(self),
        };
        Some(Audit::new(frame, Arc::new(sink), Arc::new(ids)))
    }
}

/// A log that has a file is meant for every KMS that does not say otherwise: a named log that stays empty would deceive.
fn is_wanted(kms: &KmsConfig, to_file: bool) -> bool {
    kms.audit_logging.unwrap_or(to_file)
}

/// The lines of one KMS on their way into the log.
#[derive(Debug)]
struct KmsLines {
    logger: Logger,
    log: Arc<KmsLog>,
}

impl AuditSink for KmsLines {
    fn write(&self, line: AuditLine) {
        match &self.log.file {
            Some(file) => self.write_to(file, &line),
            None => self.tell_process(&line),
        }
    }
}

impl KmsLines {
    fn write_to(&self, file: &Mutex<RollingFile>, line: &AuditLine) {
        let now = self.log.clock.now();
        let text = self.logger.line(now, line);
        // The call goes on: whoever must not work unseen watches for this error.
        if let Err(error) = file.lock().write(now, &text) {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "a line of the KMS log is lost");
        }
    }

    fn tell_process(&self, line: &AuditLine) {
        let AuditLine {
            message,
            error,
            trace_id,
            ..
        } = line;
        let (kms, error, trace_id) = (self.logger.kms(), error.as_deref(), trace_id.as_deref());
        match line.severity {
            AuditSeverity::Info => {
                tracing::info!(target: "strongroom::kms_log", kms, error, trace_id, "{message}");
            }
            AuditSeverity::Warn => {
                tracing::warn!(target: "strongroom::kms_log", kms, error, trace_id, "{message}");
            }
        }
    }
}
