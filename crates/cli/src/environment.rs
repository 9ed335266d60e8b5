//! What the process's environment decides: logging and default folders.

use std::{
    env,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use strongroom_config::SecretSource;
use strongroom_kms::SPANS;
use strongroom_server::{LogLevel, SetLogLevel};
use strongroom_vault::Caller;
use tracing::{Dispatch, Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, filter_fn},
    fmt,
    layer::{Layered, SubscriberExt as _},
    reload,
    util::SubscriberInitExt as _,
};

use crate::{
    args::{Global, LogFormat},
    failure::CliError,
    telemetry::Telemetry,
};

/// Sends log lines to standard error, and spans to where the environment says. A filter that cannot be read falls back to
/// warnings, and says so; so does a collector that cannot be used. Call it within a runtime.
pub(crate) fn start_logging(global: &Global) -> Option<Telemetry> {
    let filter = EnvFilter::try_new(&global.log);
    let refused = filter.as_ref().err().map(ToString::to_string);
    let filter = filter.unwrap_or_else(|_refused| EnvFilter::new("warn"));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match global.log_format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let (telemetry, unusable) = match Telemetry::from_environment() {
        Ok(telemetry) => (telemetry, None),
        Err(error) => (None, Some(error)),
    };
    let spans = telemetry.as_ref().map(|telemetry| {
        tracing_opentelemetry::layer()
            .with_tracer(telemetry.tracer())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_for_others))
    });
    listening(
        lines.with_filter(filter.and(filter_fn(may_be_logged))),
        spans,
    )
    .init();
    // Logging starts once.
    let _first = LOG_FILTER.set(handle);
    if let Some(reason) = refused {
        tracing::warn!(reason, "the log filter was refused; warnings are logged");
    }
    if let Some(error) = unusable {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "no traces are exported");
    }
    telemetry
}

/// Whoever listens. A layer that is not there would want to hear of everything (`None` filters nothing), and each call of a server
/// would make dozens of spans of libraries for nobody: so there is none.
fn listening<L, S>(lines: L, spans: Option<S>) -> Dispatch
where
    L: Layer<Registry> + Send + Sync,
    S: Layer<Layered<L, Registry>> + Send + Sync,
{
    let lines = tracing_subscriber::registry().with(lines);
    match spans {
        Some(spans) => Dispatch::new(lines.with(spans)),
        None => Dispatch::new(lines),
    }
}

/// Spans are for collectors of traces; what they say goes there and nowhere else, and no line of the log does.
fn is_for_others(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == SPANS
}

/// Whether a line may be written at all. Libraries log, at their finest levels, what goes through them: bodies of requests to a KMS,
/// in which data keys are. Whoever raises the level of everything does not mean that, and a library that comes later is not
/// forgotten.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    metadata.is_event()
        && (metadata.target().starts_with("strongroom") || *metadata.level() <= Level::INFO)
}

/// So much of ours, and what may be wrong of everything else.
fn level_of_ours(level: LogLevel) -> EnvFilter {
    match level {
        LogLevel::Off => EnvFilter::new("off"),
        level => EnvFilter::new(format!("warn,strongroom={}", level.name())),
    }
}

/// Changes what is logged.
static LOG_FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// The level of the log of this process, which a server changes on request.
#[derive(Debug)]
pub(crate) struct ProcessLog;

impl SetLogLevel for ProcessLog {
    fn set(&self, level: LogLevel) {
        let changed = LOG_FILTER
            .get()
            .map(|filter| filter.reload(level_of_ours(level)));
        if let Some(Err(error)) = changed {
            tracing::warn!(%error, "the level of the log was not changed");
        }
    }
}

/// The folder that holds key files and anchors of vaults, away from the vaults themselves.
///
/// # Errors
/// [`CliError::NoHome`] when the user has no home folder.
pub(crate) fn key_home() -> Result<PathBuf, CliError> {
    folder("XDG_CONFIG_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".config")))
        .map(|configuration| configuration.join("strongroom"))
        .ok_or(CliError::NoHome)
}

/// The folder for what the program remembers of its use (XDG Base Directory Specification).
///
/// # Errors
/// [`CliError::NoHome`] when the user has no home folder.
pub(crate) fn state_home() -> Result<PathBuf, CliError> {
    folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("strongroom"))
        .ok_or(CliError::NoHome)
}

/// The folder that a variable names; one that is not absolute counts as none.
fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// The environment variable with the folder of a rehearsal whose environment had to be made for it.
#[cfg(feature = "kms-pkcs11")]
const REHEARSAL: &str = "STRONGROOM_REHEARSAL";

/// The folder of the rehearsal that this process was started for, if it was.
#[cfg(feature = "kms-pkcs11")]
pub(crate) fn rehearsal_folder() -> Option<PathBuf> {
    env::var_os(REHEARSAL).map(PathBuf::from)
}

/// This program with the same arguments, for a rehearsal in `folder` with a SoftHSM that is configured so.
///
/// # Errors
/// That the system does not say which program this is.
#[cfg(feature = "kms-pkcs11")]
pub(crate) fn this_rehearsal_again(
    folder: &Path,
    softhsm: &Path,
) -> std::io::Result<std::process::Command> {
    let mut again = std::process::Command::new(env::current_exe()?);
    again
        .args(env::args_os().skip(1))
        .env(REHEARSAL, folder)
        .env("SOFTHSM2_CONF", softhsm);
    Ok(again)
}

/// Where this program is.
///
/// # Errors
/// That the system does not say.
pub(crate) fn this_program() -> std::io::Result<PathBuf> {
    env::current_exe()
}

/// The name of this machine.
pub(crate) fn host_name() -> String {
    let system = rustix::system::uname();
    let name: String = system
        .nodename()
        .to_string_lossy()
        .chars()
        .take(60)
        .collect();
    if name.is_empty() {
        "unnamed".to_owned()
    } else {
        name
    }
}

/// The environment variable with the trace that the command belongs to.
const TRACE_ID: &str = "STRONGROOM_TRACE_ID";

/// Who runs the command, for the audit log: the kernel's number of the user, which the user cannot choose, unlike what
/// `USER` says.
///
/// # Errors
/// [`CliError::BadTraceId`].
pub(crate) fn caller() -> Result<Caller, CliError> {
    let uid = rustix::process::getuid().as_raw();
    let caller = Caller::new(format!("os-user:uid {uid}"));
    match env::var_os(TRACE_ID) {
        Some(text) if !text.is_empty() => match text.to_str().filter(|text| is_trace_id(text)) {
            Some(trace_id) => Ok(caller.with_trace_id(trace_id)),
            None => Err(CliError::BadTraceId { variable: TRACE_ID }),
        },
        _ => Ok(caller),
    }
}

/// The trace that the command belongs to, for the KMS log. One that cannot be read is refused where the caller is asked for.
pub(crate) fn trace_id() -> Option<String> {
    let text = env::var(TRACE_ID).ok()?;
    is_trace_id(&text).then_some(text)
}

/// The environment variable with a token for a server.
const TOKEN: &str = "STRONGROOM_TOKEN";

/// Where the token for a server is, if it is in the environment.
pub(crate) fn token() -> Option<SecretSource> {
    let is_set = env::var_os(TOKEN).is_some_and(|token| !token.is_empty());
    is_set.then(|| SecretSource::Environment(TOKEN.to_owned()))
}

/// W3C Trace Context, section 3.2.2.3 (trace-id): 32 lower-case hex digits that are not all zero.
fn is_trace_id(text: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 32 && text.bytes().all(digit) && text.bytes().any(|byte| byte != b'0')
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tracing::{
        Callsite, Metadata, callsite::Identifier, field::FieldSet, metadata::Kind,
        subscriber::Interest,
    };
    use tracing_subscriber::layer::Identity;

    use super::*;

    #[test]
    fn nothing_raises_the_level_of_what_would_log_keys() {
        let heard = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heard);
        let counting = filter_fn(move |metadata| {
            let may = may_be_logged(metadata);
            count.fetch_add(usize::from(may), Ordering::SeqCst);
            may
        });
        let lines = fmt::layer()
            .with_writer(std::io::sink)
            .with_filter(counting);
        let subscriber = tracing_subscriber::registry()
            .with(EnvFilter::new("trace,aws_smithy_runtime=trace"))
            .with(lines);
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "a body");
            tracing::debug!(target: "hyper::proto", "a body");
            assert_eq!(heard.load(Ordering::SeqCst), 0);
            tracing::info!(target: "hyper::proto", "no body");
            tracing::trace!(target: "strongroom_vault::unit", "ours");
        });
        assert!(heard.load(Ordering::SeqCst) >= 2);
        let ours = level_of_ours(LogLevel::Trace).to_string();
        assert!(
            ours.contains("strongroom=trace") && ours.contains("warn"),
            "{ours}"
        );
    }

    /// Where a span of a library, and one of ours, is made.
    struct Site(&'static Metadata<'static>);

    impl Callsite for Site {
        fn set_interest(&self, _interest: Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            self.0
        }
    }

    macro_rules! span_of {
        ($target:expr, $level:ident) => {{
            static SITE: Site = Site(&METADATA);
            static METADATA: Metadata<'static> = Metadata::new(
                "span",
                $target,
                Level::$level,
                None,
                None,
                None,
                FieldSet::new(&[], Identifier(&SITE)),
                Kind::SPAN,
            );
            &METADATA
        }};
    }

    #[test]
    fn nobody_hears_of_the_spans_of_libraries_so_that_they_cost_nothing() {
        let lines = || {
            let filter = reload::Layer::new(EnvFilter::new("warn")).0;
            fmt::layer()
                .with_writer(std::io::sink)
                .with_filter(filter.and(filter_fn(may_be_logged)))
        };
        let spans = fmt::layer()
            .with_writer(std::io::sink)
            .with_filter(filter_fn(is_for_others));
        let untraced = listening(lines(), None::<Identity>);
        let traced = listening(lines(), Some(spans));
        for dispatch in [&untraced, &traced] {
            for library in [span_of!("h2::proto", TRACE), span_of!("h2::proto", ERROR)] {
                let interest = dispatch.register_callsite(library);
                assert!(interest.is_never(), "{interest:?} in {library:?}");
            }
        }
        let ours = span_of!(SPANS, INFO);
        assert!(untraced.register_callsite(ours).is_never());
        assert!(!traced.register_callsite(ours).is_never());
    }

    #[test]
    fn a_trace_id_is_32_lower_case_hex_digits_that_are_not_all_zero() {
        assert!(is_trace_id("4bf92f3577b34da6a3ce929d0e0e4736"));
        for wrong in [
            "ticket-17",
            "4BF92F3577B34DA6A3CE929D0E0E4736",
            "4bf92f3577b34da6a3ce929d0e0e473",
            "4bf92f3577b34da6a3ce929d0e0e47366",
            "00000000000000000000000000000000",
            "4bf92f3577b34da6a3ce929d0e0e473\n",
        ] {
            assert!(!is_trace_id(wrong), "{wrong}");
        }
    }
}
