//! `SetLogLevel`.

use std::{fmt, str::FromStr, sync::Arc};

use strongroom_vault::{ServerAct, Vault};

use crate::{
    context::Context,
    contract::canton_admin::health::v30::{SetLogLevelRequest, SetLogLevelResponse},
    failure::{Failure, codes},
};

/// How much is logged, by Canton's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What is wrong with the server.
    Error,
    /// What may be wrong with it.
    Warn,
    /// What it does.
    Info,
    /// How it does it.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The name in lower case, as filters of logs have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl FromStr for LogLevel {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [
            Self::Off,
            Self::Error,
            Self::Warn,
            Self::Info,
            Self::Debug,
            Self::Trace,
        ];
        let found = all
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(text));
        found.ok_or(())
    }
}

/// Who can change how much is logged: whoever set the log up.
pub trait SetLogLevel: fmt::Debug + Send + Sync {
    /// Logs so much from now on.
    fn set(&self, level: LogLevel);
}

pub(super) async fn set(
    log: Option<Arc<dyn SetLogLevel>>,
    vault: Arc<Vault>,
    context: Context,
    message: SetLogLevelRequest,
) -> Result<SetLogLevelResponse, Failure> {
    let level = message.level.parse::<LogLevel>();
    let level = level.map_err(|()| Failure::unreadable("Field `level` is no level of a log"))?;
    let log = log.ok_or_else(|| {
        Failure::own(
            codes::LOG_LEVEL_FIXED,
            "the level of this log cannot be changed",
        )
    })?;
    // Whoever has a server log nothing shall be seen to, so a process that can put nothing on record logs on as it does.
    let act = ServerAct::SetLogLevel {
        level: level.name().to_owned(),
    };
    vault.record(&context.caller(), act).await?;
    tracing::warn!(
        caller = context.subject.name(),
        level = level.name(),
        "the level of the log is changed"
    );
    log.set(level);
    Ok(SetLogLevelResponse {})
}
