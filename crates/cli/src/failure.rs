//! Failures, told to people and to programs.

mod all_codes;

use std::{error::Error, io, path::PathBuf, process::ExitCode};

use strongroom_config::ConfigError;
use strongroom_errors::{Category, Coded, ErrorCode};
use strongroom_files::FileError;
use strongroom_kms::{KmsError, KmsKeyIdError};
use strongroom_kms_local::LocalKmsError;
use strongroom_store::StoreError;
use strongroom_vault::{AnchorError, VaultError};

pub(crate) use self::all_codes::all_codes;
use crate::{commands::RootError, exit, kms_log::KmsLogError, output};

/// What the command line itself refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CliError {
    #[error("there is no configuration {}", path.display())]
    NoConfig { path: PathBuf },
    #[error("{} holds something that is not an unfinished vault", path.display())]
    FolderInUse { path: PathBuf },
    #[error("the vault in {} was begun with another {what}", path.display())]
    BegunOtherwise { path: PathBuf, what: &'static str },
    #[error("{} holds the key file or the anchor of another vault", path.display())]
    KeyFolderInUse { path: PathBuf },
    #[error("the user has no home folder")]
    NoHome,
    #[error("there is no file {}", path.display())]
    NoSecretFile { path: PathBuf },
    #[error("{input} is not {encoding}")]
    BadEncoding {
        input: String,
        encoding: &'static str,
    },
    #[error("{input} is not a 34-byte multihash, but its hexadecimal digits would be one")]
    HashInHex { input: String },
    #[error("{what} is longer than {limit} bytes")]
    TooLong { what: &'static str, limit: usize },
    #[error("{value:?} is not {expected}")]
    BadArgument {
        value: String,
        expected: &'static str,
    },
    #[error("{} is there already", path.display())]
    OutputExists { path: PathBuf },
    #[error("binary output does not go to a terminal")]
    BinaryToTerminal,
    #[error("the passphrase must be typed, but there is no terminal")]
    NoTerminal,
    #[error("the two passphrases differ")]
    PassphrasesDiffer,
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    #[error("the environment variable {variable} is not set")]
    NoVariable { variable: String },
    #[error("this needs {flag}")]
    NotConfirmed { flag: &'static str },
    #[error("this program was built without key management systems of the kind {kind}")]
    KmsNotBuiltIn { kind: &'static str },
    #[cfg_attr(
        not(feature = "kms-simulate"),
        expect(dead_code, reason = "there is no simulator")
    )]
    #[error("the simulator does not start")]
    SimulatorNotStarted {
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[cfg_attr(
        not(feature = "kms-simulate"),
        expect(dead_code, reason = "there is no simulator")
    )]
    #[error("{} is no scenario of the simulator", path.display())]
    BadScenario {
        path: PathBuf,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[cfg_attr(
        not(feature = "kms-pkcs11"),
        expect(dead_code, reason = "there are no tokens")
    )]
    #[error("a rehearsal with a token needs SoftHSM, which is not at {tried}")]
    NoSoftHsm { tried: String },
    #[error("this needs {flag}")]
    FlagMissing { flag: &'static str },
    #[error("the private key would be readable to everybody who has the file")]
    ExportUnprotected,
    #[error("the database of vault {vault_id} is gone: {anchor} remembers it")]
    DatabaseGone {
        vault_id: String,
        anchor: String,
        /// What is found in its place, if it was looked for.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    #[error("standard output does not take what is written")]
    Output {
        #[source]
        source: io::Error,
    },
    #[error("{variable} is not a trace id: 32 lower-case hexadecimal digits, not all zero")]
    BadTraceId { variable: &'static str },
    #[error("{asked} was asked for, but the file holds {found}")]
    UsageDiffers { asked: String, found: String },
    #[error("the file is no key-pair container, and nothing else takes a password here")]
    PasswordOfNoContainer,
    #[error("the node has other keys, but no usable namespace key {name}")]
    NamespaceKeyGone { name: String },
    #[error("the keys are sealed, but the log of the database may still hold their old bytes")]
    NotScrubbed {
        #[source]
        source: StoreError,
    },
    #[error("there is no error code {code}")]
    NoSuchCode { code: String },
    #[error("{file} is a {found}; {expected} are taken here")]
    OtherContainer {
        file: String,
        found: &'static str,
        expected: &'static str,
    },
    #[error("a certificate is one transaction, these are {found}")]
    NotOneTransaction { found: usize },
    #[error("to revoke the root certificate burns the namespace {namespace}")]
    BurnsNamespace { namespace: String },
    #[error("{moment} is more than a day ahead of this machine's clock, which says {now}")]
    TimeAhead { moment: String, now: String },
    #[error("{owner} announces no keys in {store} at that time")]
    NothingAnnounced { owner: String, store: String },
    #[error("{store} knows no namespace {namespace}")]
    UnknownNamespace { namespace: String, store: String },
    #[error("{text} is only a part of a hash or a fingerprint, and the whole is needed")]
    Shortened { text: String },
    #[error("{option} has no effect here: {why}")]
    NoEffect {
        option: &'static str,
        why: &'static str,
    },
    #[error("{file} is {found}, not signed topology: {command} takes it")]
    NotSigned {
        file: String,
        found: &'static str,
        command: &'static str,
    },
    #[error("standard input was asked for twice")]
    StdinTwice,
    #[error("the fingerprint of the key is {found}, not {expected}")]
    OtherKey { found: String, expected: String },
}

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

const NO_CONFIG: ErrorCode = code(
    "NO_CONFIG",
    Category::FailedPrecondition,
    "Make a vault with 'strongroom init --dir DIR' or 'strongroom quickstart --dir DIR', or name its folder with --dir.",
);
const FOLDER_IN_USE: ErrorCode = code(
    "FOLDER_IN_USE",
    Category::FailedPrecondition,
    "Choose an empty folder with --dir.",
);
const BEGUN_OTHERWISE: ErrorCode = code(
    "BEGUN_OTHERWISE",
    Category::FailedPrecondition,
    "Say what its configuration says, or leave it out; or choose another folder.",
);
const KEY_FOLDER_IN_USE: ErrorCode = code(
    "KEY_FOLDER_IN_USE",
    Category::FailedPrecondition,
    "Choose another folder with --key-dir: each vault has a key file and an anchor of its own.",
);
const NO_HOME: ErrorCode = code(
    "NO_HOME",
    Category::FailedPrecondition,
    "Say where the key file shall be with --key-dir DIR, or set HOME.",
);
const NO_SECRET_FILE: ErrorCode = code(
    "NO_SECRET_FILE",
    Category::NotFound,
    "Check the path: of a passphrase, password or PIN, or of a certificate or key of TLS.",
);
const BAD_ENCODING: ErrorCode = code(
    "BAD_ENCODING",
    Category::InvalidRequest,
    "Say how it is written down: binary, hex or base64 (--input-encoding for what is read, --encoding for a signature).",
);
const HASH_IN_HEX: ErrorCode = code(
    "HASH_IN_HEX",
    Category::InvalidRequest,
    "Add --input-encoding hex.",
);
const BAD_TRACE_ID: ErrorCode = code(
    "BAD_TRACE_ID",
    Category::InvalidRequest,
    "Set it to the trace-id of W3C Trace Context, or unset it.",
);
const USAGE_DIFFERS: ErrorCode = code(
    "USAGE_DIFFERS",
    Category::InvalidRequest,
    "A container says itself what its key is for: leave --usage and --purpose out to take the key as it is.",
);
const PASSWORD_OF_NO_CONTAINER: ErrorCode = code(
    "PASSWORD_OF_NO_CONTAINER",
    Category::InvalidRequest,
    "Leave the password out. A PEM file that is encrypted is to be decrypted first, for example with 'openssl pkey'.",
);
const NAMESPACE_KEY_GONE: ErrorCode = code(
    "NAMESPACE_KEY_GONE",
    Category::FailedPrecondition,
    "A new namespace key would be a new identity. Bring the old one back from a backup with 'strongroom keys import', under its name. \
     For a new node choose another folder.",
);
const INPUT_TOO_LONG: ErrorCode = code(
    "INPUT_TOO_LONG",
    Category::InvalidRequest,
    "Check that this is the right file.",
);
const BAD_ARGUMENT: ErrorCode = code(
    "BAD_ARGUMENT",
    Category::InvalidRequest,
    "The command's --help shows examples.",
);
const OUTPUT_EXISTS: ErrorCode = code(
    "OUTPUT_EXISTS",
    Category::AlreadyExists,
    "Choose another file, or say --force to replace it.",
);
const BINARY_TO_TERMINAL: ErrorCode = code(
    "BINARY_TO_TERMINAL",
    Category::InvalidRequest,
    "Write it to a file with --out FILE, or let another program read it through a pipe. What has a form in text too is shown in \
     that: the command's --help lists its forms.",
);
const NO_TERMINAL: ErrorCode = code(
    "NO_TERMINAL",
    Category::FailedPrecondition,
    "Have it read from a file or an environment variable: by --passphrase-file or --password-file and their like, or for an existing \
     key file by 'protection' in the configuration.",
);
const PASSPHRASES_DIFFER: ErrorCode =
    code("PASSPHRASES_DIFFER", Category::InvalidRequest, "Try again.");
const EMPTY_PASSPHRASE: ErrorCode = code(
    "EMPTY_PASSPHRASE",
    Category::InvalidRequest,
    "Look whether its file or variable is the right one. For a new one choose a long one.",
);
const NO_VARIABLE: ErrorCode = code(
    "NO_VARIABLE",
    Category::InvalidRequest,
    "Set it, or name another source.",
);
const KMS_NOT_BUILT_IN: ErrorCode = code(
    "KMS_NOT_BUILT_IN",
    Category::Unsupported,
    "Use a program that was built with the feature of this kind; the usual one has all.",
);
const NOT_CONFIRMED: ErrorCode = code(
    "NOT_CONFIRMED",
    Category::FailedPrecondition,
    "This cannot be undone, so it must be asked for by that flag.",
);
const SIMULATOR_NOT_STARTED: ErrorCode = code(
    "SIMULATOR_NOT_STARTED",
    Category::FailedPrecondition,
    "Choose another port, or 0 for any that is free.",
);
const BAD_SCENARIO: ErrorCode = code(
    "SIMULATOR_SCENARIO_INVALID",
    Category::InvalidRequest,
    "'strongroom kms simulate --help' shows one; begin with less, everything may be left out.",
);
const NO_SOFTHSM: ErrorCode = code(
    "REHEARSAL_NEEDS_SOFTHSM",
    Category::FailedPrecondition,
    "Install it ('apt-get install softhsm2'), or name its library with --module FILE.",
);
const FLAG_MISSING: ErrorCode = code(
    "FLAG_MISSING",
    Category::InvalidRequest,
    "Add it; the command's --help shows examples.",
);
const EXPORT_UNPROTECTED: ErrorCode = code(
    "EXPORT_UNPROTECTED",
    Category::FailedPrecondition,
    "Give a password with --password-file, --password-env or --password-prompt, or say --unprotected.",
);
const DATABASE_GONE: ErrorCode = code(
    "DATABASE_GONE",
    Category::DataCorrupted,
    "Restore the database from a backup, and find out who removed it. For a new vault choose another folder.",
);
const OUTPUT_FAILED: ErrorCode = code(
    "OUTPUT_FAILED",
    Category::Unavailable,
    "Check where standard output goes: a full disk, or a program that ended. What the command was to do is done, only its report is \
     lost.",
);
const NO_SUCH_CODE: ErrorCode = code(
    "NO_SUCH_CODE",
    Category::NotFound,
    "'strongroom errors' lists every code.",
);
const NOT_SCRUBBED: ErrorCode = code(
    "NOT_SCRUBBED",
    Category::Contention,
    "End whatever else reads the database; the next command that ends without a warning has emptied the log.",
);
const WRONG_USAGE: ErrorCode = code(
    "WRONG_USAGE",
    Category::InvalidRequest,
    "'strongroom COMMAND --help' shows what the command takes, with examples.",
);
const STDIN_TWICE: ErrorCode = code(
    "STDIN_TWICE",
    Category::InvalidRequest,
    "Put one of the two inputs into a file.",
);
const OTHER_CONTAINER: ErrorCode = code(
    "TOPOLOGY_INPUT_OF_OTHER_KIND",
    Category::InvalidRequest,
    "Give snapshots to 'strongroom topology import', certificates and lists of transactions to 'strongroom topology apply'.",
);
const NOT_ONE_TRANSACTION: ErrorCode = code(
    "TOPOLOGY_NOT_ONE_TRANSACTION",
    Category::InvalidRequest,
    "Name one by its hash, or write a list with --format transactions.",
);
const BURNS_NAMESPACE: ErrorCode = code(
    "TOPOLOGY_BURNS_NAMESPACE",
    Category::FailedPrecondition,
    "Nothing can be signed in the namespace any more, by no key, and nothing brings it back. If that is what you want, add \
     --danger-burn-namespace.",
);
const TIME_AHEAD: ErrorCode = code(
    "TOPOLOGY_TIME_AHEAD",
    Category::InvalidRequest,
    "Check the year and the zone: every later time of this synchronizer would be refused as too early. If the time is right, set the \
     clock of this machine.",
);
const NOTHING_ANNOUNCED: ErrorCode = code(
    "TOPOLOGY_NOTHING_ANNOUNCED",
    Category::NotFound,
    "Check the name, its prefix (PAR, SEQ, MED; none for a party), the store and the time: 'strongroom topology graph' shows who \
     announces keys.",
);
const UNKNOWN_NAMESPACE: ErrorCode = code(
    "TOPOLOGY_NAMESPACE_UNKNOWN",
    Category::NotFound,
    "Give the whole namespace, not only its beginning, and name the store with --store: 'strongroom topology graph' shows those that \
     there are.",
);
const NO_EFFECT: ErrorCode = code(
    "OPTION_WITHOUT_EFFECT",
    Category::FailedPrecondition,
    "Leave it out. Nothing was changed.",
);
const SHORTENED: ErrorCode = code(
    "HASH_SHORTENED",
    Category::InvalidRequest,
    "Copy all 68 digits: several may begin alike, and 'strongroom topology list' and 'strongroom keys list' show them whole.",
);
const NOT_SIGNED: ErrorCode = code(
    "TOPOLOGY_INPUT_NOT_SIGNED",
    Category::InvalidRequest,
    "'strongroom topology root inspect FILE' says what is in it; certificates, lists and snapshots are taken here.",
);
const OTHER_KEY: ErrorCode = code(
    "OTHER_KEY",
    Category::InvalidRequest,
    "Check which key the file holds.",
);

impl CliError {
    pub(crate) const CODES: &[ErrorCode] = &[
        NO_CONFIG,
        FOLDER_IN_USE,
        BEGUN_OTHERWISE,
        KEY_FOLDER_IN_USE,
        NO_HOME,
        NO_SECRET_FILE,
        BAD_ENCODING,
        HASH_IN_HEX,
        BAD_TRACE_ID,
        USAGE_DIFFERS,
        PASSWORD_OF_NO_CONTAINER,
        NAMESPACE_KEY_GONE,
        INPUT_TOO_LONG,
        BAD_ARGUMENT,
        OUTPUT_EXISTS,
        BINARY_TO_TERMINAL,
        NO_TERMINAL,
        PASSPHRASES_DIFFER,
        EMPTY_PASSPHRASE,
        NO_VARIABLE,
        KMS_NOT_BUILT_IN,
        NOT_CONFIRMED,
        SIMULATOR_NOT_STARTED,
        BAD_SCENARIO,
        NO_SOFTHSM,
        FLAG_MISSING,
        EXPORT_UNPROTECTED,
        DATABASE_GONE,
        OUTPUT_FAILED,
        NOT_SCRUBBED,
        NO_SUCH_CODE,
        WRONG_USAGE,
        STDIN_TWICE,
        OTHER_CONTAINER,
        NOT_ONE_TRANSACTION,
        BURNS_NAMESPACE,
        TIME_AHEAD,
        NOTHING_ANNOUNCED,
        UNKNOWN_NAMESPACE,
        NO_EFFECT,
        SHORTENED,
        NOT_SIGNED,
        OTHER_KEY,
    ];
}

impl Coded for CliError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NoConfig { .. } => NO_CONFIG,
            Self::FolderInUse { .. } => FOLDER_IN_USE,
            Self::BegunOtherwise { .. } => BEGUN_OTHERWISE,
            Self::KeyFolderInUse { .. } => KEY_FOLDER_IN_USE,
            Self::NoSecretFile { .. } => NO_SECRET_FILE,
            Self::NoHome => NO_HOME,
            Self::BadEncoding { .. } => BAD_ENCODING,
            Self::HashInHex { .. } => HASH_IN_HEX,
            Self::BadTraceId { .. } => BAD_TRACE_ID,
            Self::UsageDiffers { .. } => USAGE_DIFFERS,
            Self::PasswordOfNoContainer => PASSWORD_OF_NO_CONTAINER,
            Self::NamespaceKeyGone { .. } => NAMESPACE_KEY_GONE,
            Self::TooLong { .. } => INPUT_TOO_LONG,
            Self::BadArgument { .. } => BAD_ARGUMENT,
            Self::OutputExists { .. } => OUTPUT_EXISTS,
            Self::BinaryToTerminal => BINARY_TO_TERMINAL,
            Self::NoTerminal => NO_TERMINAL,
            Self::PassphrasesDiffer => PASSPHRASES_DIFFER,
            Self::EmptyPassphrase => EMPTY_PASSPHRASE,
            Self::NoVariable { .. } => NO_VARIABLE,
            Self::KmsNotBuiltIn { .. } => KMS_NOT_BUILT_IN,
            Self::NotConfirmed { .. } => NOT_CONFIRMED,
            Self::SimulatorNotStarted { .. } => SIMULATOR_NOT_STARTED,
            Self::BadScenario { .. } => BAD_SCENARIO,
            Self::NoSoftHsm { .. } => NO_SOFTHSM,
            Self::FlagMissing { .. } => FLAG_MISSING,
            Self::ExportUnprotected => EXPORT_UNPROTECTED,
            Self::DatabaseGone { .. } => DATABASE_GONE,
            Self::Output { .. } => OUTPUT_FAILED,
            Self::NotScrubbed { .. } => NOT_SCRUBBED,
            Self::NoSuchCode { .. } => NO_SUCH_CODE,
            Self::StdinTwice => STDIN_TWICE,
            Self::OtherContainer { .. } => OTHER_CONTAINER,
            Self::NotOneTransaction { .. } => NOT_ONE_TRANSACTION,
            Self::BurnsNamespace { .. } => BURNS_NAMESPACE,
            Self::TimeAhead { .. } => TIME_AHEAD,
            Self::NothingAnnounced { .. } => NOTHING_ANNOUNCED,
            Self::UnknownNamespace { .. } => UNKNOWN_NAMESPACE,
            Self::Shortened { .. } => SHORTENED,
            Self::NoEffect { .. } => NO_EFFECT,
            Self::NotSigned { .. } => NOT_SIGNED,
            Self::OtherKey { .. } => OTHER_KEY,
        }
    }
}

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
        .or_else(|| of::<RootError>(error))
        .or_else(|| of::<VaultError>(error))
        .or_else(|| of::<AnchorError>(error))
        .or_else(|| of::<StoreError>(error))
        .or_else(|| of::<LocalKmsError>(error))
        .or_else(|| code_of_other_kms(error))
        .or_else(|| of::<KmsError>(error))
        .or_else(|| of::<KmsKeyIdError>(error))
        .or_else(|| of::<ConfigError>(error))
        .or_else(|| of::<KmsLogError>(error))
        .or_else(|| of::<FileError>(error))
        .or_else(|| of::<strongroom_backup::BackupError>(error))
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
    let Some(code) = code_of(error) else {
        return ExitCode::from(exit::status(Category::Internal));
    };
    advise(&code)
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
    advise(&code.unwrap_or(WRONG_USAGE))
}

/// Prints the code and what to try next; returns the exit status.
fn advise(code: &ErrorCode) -> ExitCode {
    eprintln!("code: {}", code.name());
    eprintln!("try: {}", code.advice());
    ExitCode::from(exit::status(code.category()))
}

/// A reader such as `head` that went away is no failure of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
