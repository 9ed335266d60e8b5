//! What the process's environment decides: logging and default folders.

use std::{env, path::PathBuf};

use tracing_subscriber::EnvFilter;

use crate::{
    args::{Global, LogFormat},
    failure::CliError,
};

/// Sends log lines to standard error. A filter that cannot be read falls back to warnings, and says so.
pub(crate) fn start_logging(global: &Global) {
    let filter = EnvFilter::try_new(&global.log);
    let refused = filter.as_ref().err().map(ToString::to_string);
    let filter = filter.unwrap_or_else(|_refused| EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match global.log_format {
        LogFormat::Text => builder.with_ansi(false).init(),
        LogFormat::Json => builder.json().init(),
    }
    if let Some(reason) = refused {
        tracing::warn!(reason, "the log filter was refused; warnings are logged");
    }
}

/// The folder that holds key files and anchors of vaults, away from the vaults themselves.
///
/// # Errors
/// [`CliError::NoHome`] when the user has no home folder.
pub(crate) fn key_home() -> Result<PathBuf, CliError> {
    let folder = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    folder("XDG_CONFIG_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".config")))
        .map(|configuration| configuration.join("strongroom"))
        .ok_or(CliError::NoHome)
}

/// Who runs the command, for the audit log: the operating system's user.
pub(crate) fn caller() -> strongroom_vault::Caller {
    let uid = rustix::process::getuid().as_raw();
    let caller = match env::var("USER") {
        Ok(name) if !name.is_empty() => {
            strongroom_vault::Caller::new(format!("os-user:{name} (uid {uid})"))
        }
        _ => strongroom_vault::Caller::new(format!("os-user:uid {uid}")),
    };
    match env::var("STRONGROOM_TRACE_ID") {
        Ok(trace_id) if !trace_id.is_empty() => caller.with_trace_id(trace_id),
        _ => caller,
    }
}
