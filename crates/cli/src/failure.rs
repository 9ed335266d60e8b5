//! Failures, told to people and to programs.

mod all_codes;
mod cli_error;

use std::{error::Error, io, process::ExitCode};

use strongroom_config::ConfigError;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_files::FileError;
use strongroom_kms::{KmsError, KmsKeyIdError};
use strongroom_kms_local::LocalKmsError;
use strongroom_kms_recovery::RecoveryError;
use strongroom_store::StoreError;
use strongroom_store_postgres::PostgresError;
use strongroom_vault::{AnchorError, AuditExportError, VaultError};

pub(crate) use self::{all_codes::all_codes, cli_error::CliError};
use crate::{
    commands::RootError,
    exit,
    kms_log::KmsLogError,
    output,
    remote::{Refusal, RemoteError},
    server::ServerSetupError,
};

/// The code of the outermost error that has one.
pub(crate) fn code_of(error: &anyhow::Error) -> Option<ErrorCode> {
    error.chain().find_map(code_of_link)
}

/// Those that may be left out.
fn code_of_other_kms(error: &(dyn Error + 'static)) -> Option<ErrorCode> {
    #[cfg(feature = "kms-aws")]
    if let Some(error) = error.downcast_ref::<strongroom_kms_aws::AwsKmsError>() {
        return Some(error.code());
    }
    #[cfg(feature = "kms-driver")]
    if let Some(error) = error.downcast_ref::<strongroom_kms_driver::DriverError>() {
        return Some(error.code());
    }
    #[cfg(feature = "kms-gcp")]
    if let Some(error) = error.downcast_ref::<strongroom_kms_gcp::GcpKmsError>() {
        return Some(error.code());
    }
    #[cfg(feature = "kms-pkcs11")]
    if let Some(error) = error.downcast_ref::<strongroom_kms_pkcs11::Pkcs11Error>() {
        return Some(error.code());
    }
    let _unknown = error;
    None
}

fn code_of_link(error: &(dyn Error + 'static)) -> Option<ErrorCode> {
    fn of<E: Coded + 'static>(error: &(dyn Error + 'static)) -> Option<ErrorCode> {
        error.downcast_ref::<E>().map(Coded::code)
    }
    of::<CliError>(error)
        .or_else(|| of::<RemoteError>(error))
        .or_else(|| of::<RootError>(error))
        .or_else(|| of::<ServerSetupError>(error))
        .or_else(|| of::<VaultError>(error))
        .or_else(|| of::<AnchorError>(error))
        .or_else(|| of::<AuditExportError>(error))
        .or_else(|| of::<StoreError>(error))
        .or_else(|| of::<PostgresError>(error))
        .or_else(|| of::<LocalKmsError>(error))
        .or_else(|| of::<RecoveryError>(error))
        .or_else(|| code_of_other_kms(error))
        .or_else(|| of::<KmsError>(error))
        .or_else(|| of::<KmsKeyIdError>(error))
        .or_else(|| of::<ConfigError>(error))
        .or_else(|| of::<KmsLogError>(error))
        .or_else(|| of::<FileError>(error))
        .or_else(|| of::<strongroom_backup::BackupError>(error))
        .or_else(|| of::<strongroom_canton_db::CantonDbError>(error))
        .or_else(|| of::<strongroom_proto::ProtoError>(error))
        .or_else(|| of::<strongroom_proto::topology::DetectError>(error))
        .or_else(|| of::<strongroom_proto::topology::StreamError>(error))
        .or_else(|| of::<strongroom_topology::TopologyError>(error))
        .or_else(|| of::<strongroom_topology::StoreIdError>(error))
        .or_else(|| of::<strongroom_topology::MappingError>(error))
        .or_else(|| of::<strongroom_topology::IdentifierError>(error))
        .or_else(|| of::<strongroom_topology::SignaturesError>(error))
        .or_else(|| of::<strongroom_crypto::KeyError>(error))
        .or_else(|| of::<strongroom_crypto::SignError>(error))
        .or_else(|| of::<strongroom_crypto::VerifyError>(error))
        .or_else(|| of::<strongroom_crypto::EncryptError>(error))
        .or_else(|| of::<strongroom_crypto::DecryptError>(error))
        .or_else(|| of::<strongroom_crypto::PayloadError>(error))
        .or_else(|| of::<strongroom_crypto::UsageError>(error))
        .or_else(|| of::<strongroom_crypto::SpecError>(error))
        .or_else(|| of::<strongroom_crypto::NameError>(error))
        .or_else(|| of::<strongroom_crypto::FingerprintError>(error))
        .or_else(|| of::<strongroom_crypto::HashError>(error))
        .or_else(|| of::<strongroom_crypto::RandomError>(error))
}

/// Prints what happened, the code, and what to try next; returns the exit status.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    // What an error repeats may come from a file name, or from a database that somebody else wrote.
    eprintln!("error: {}", output::printable(&error.to_string()));
    for cause in error.chain().skip(1) {
        eprintln!("  because {}", output::printable(&cause.to_string()));
    }
    if let Some(VaultError::NoWrapOpens { attempts } | VaultError::NoOtherWrapOpens { attempts }) =
        error.downcast_ref::<VaultError>()
    {
        for attempt in attempts {
            let attempt = format!(
                "{} of {}: {} ({})",
                attempt.wrapper_key_id, attempt.kms, attempt.reason, attempt.code
            );
            eprintln!("  tried {}", output::printable(&attempt));
        }
    }
    if let Some(refusal) = refusal_of(error) {
        return advise(&Verdict::of_server(refusal));
    }
    let Some(code) = code_of(error) else {
        return ExitCode::from(exit::status(Category::Internal));
    };
    advise(&Verdict::of(code))
}

/// What a server has refused, which may have a code that this release does not know.
fn refusal_of(error: &anyhow::Error) -> Option<&Refusal> {
    error
        .chain()
        .find_map(|link| match link.downcast_ref::<RemoteError>()? {
            RemoteError::Refused(refusal) => Some(&**refusal),
            _ => None,
        })
}

/// Prints what clap has to say: help and version go to standard output and are no failure. A value that one of our
/// types refused has the code of that type.
pub(crate) fn report_usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when standard error is closed.
    let _printed = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let mut causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let code = causes.find_map(code_of_link);
    advise(&Verdict::of(code.unwrap_or(CliError::WRONG_USAGE)))
}

/// What is printed of a failure beside what happened.
struct Verdict<'e> {
    code: &'e str,
    category: Category,
    advice: &'e str,
    /// By which the log of a server finds the call.
    request: Option<&'e str>,
}

impl Verdict<'_> {
    fn of(code: ErrorCode) -> Self {
        Self {
            code: code.name(),
            category: code.category(),
            advice: code.advice(),
            request: None,
        }
    }
}

impl<'e> Verdict<'e> {
    fn of_server(refusal: &'e Refusal) -> Self {
        let some = |text: &'e str| Some(text).filter(|text| !text.is_empty());
        Self {
            code: some(&refusal.id).unwrap_or(RemoteError::REFUSED.name()),
            category: refusal.category,
            advice: some(&refusal.advice).unwrap_or(RemoteError::REFUSED.advice()),
            request: some(&refusal.request),
        }
    }
}

/// Prints the code and what to try next; returns the exit status.
fn advise(verdict: &Verdict<'_>) -> ExitCode {
    eprintln!("code: {}", output::printable(verdict.code));
    eprintln!("try: {}", output::printable(verdict.advice));
    if let Some(request) = verdict.request {
        eprintln!("request: {}", output::printable(request));
    }
    ExitCode::from(exit::status(verdict.category))
}

/// A reader such as `head` that went away is no failure of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
