//! What the command line itself refuses.

mod codes;

use std::{error::Error, io, path::PathBuf};

use strongroom_errors::{Coded, ErrorCode};
use strongroom_store::StoreError;

use self::codes::*;

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
    #[error("the cloud's log has no event about keys, and nobody says of which time it is")]
    NoPeriod,
    #[error("the cloud's log would begin at {from} and end at {to}: nothing is between")]
    EmptyPeriod { from: String, to: String },
    #[error("{value:?} is not {expected}")]
    BadArgument {
        value: String,
        expected: &'static str,
    },
    #[error("there is no command for {name}: {why}")]
    NotHere {
        name: &'static str,
        why: &'static str,
    },
    #[error("no other process writes to this vault while this one has it open")]
    FollowsNobody,
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
    #[error("nobody can be heard on {address}")]
    NotListening {
        address: String,
        #[source]
        source: io::Error,
    },
    #[cfg_attr(
        not(feature = "kms-driver"),
        expect(dead_code, reason = "nothing is offered to others")
    )]
    #[error("this runs as the user {actual}, and is configured to run as {expected}")]
    OtherUser { expected: u32, actual: u32 },
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
    #[error("the address given as --url has a password in it, and arguments are seen by everybody")]
    PasswordInArgument,
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
    #[error("the configuration does not have the vault at the place given as --from")]
    VaultElsewhere,
    #[error("the database goes into the vault's folder, and {} is another one", path.display())]
    OtherFolder { path: PathBuf },
    #[error("one process at a time has this vault, which is in a file")]
    OneProcess,
    #[error("{name} was asked to give the lease up, and has not done so yet")]
    NotSteppedDown { name: String },
    #[error("the fingerprint of the key is {found}, not {expected}")]
    OtherKey { found: String, expected: String },
    #[error("the database has a schema {schema} already, and a benchmark makes one of its own")]
    SchemaExists { schema: String },
    #[error("the server did not stand the soak: {found}")]
    SoakFailed { found: String },
}

impl CliError {
    /// Of arguments that clap refuses.
    pub(super) const WRONG_USAGE: ErrorCode = WRONG_USAGE;

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
        PASSWORD_IN_ARGUMENT,
        NAMESPACE_KEY_GONE,
        INPUT_TOO_LONG,
        NO_PERIOD,
        BAD_ARGUMENT,
        FOLLOWS_NOBODY,
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
        NOT_LISTENING,
        OTHER_USER,
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
        ONE_PROCESS,
        VAULT_ELSEWHERE,
        OTHER_FOLDER,
        NOT_STEPPED_DOWN,
        SCHEMA_EXISTS,
        SOAK_FAILED,
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
            Self::PasswordInArgument => PASSWORD_IN_ARGUMENT,
            Self::NamespaceKeyGone { .. } => NAMESPACE_KEY_GONE,
            Self::TooLong { .. } => INPUT_TOO_LONG,
            Self::NoPeriod | Self::EmptyPeriod { .. } => NO_PERIOD,
            Self::BadArgument { .. } | Self::NotHere { .. } => BAD_ARGUMENT,
            Self::FollowsNobody => FOLLOWS_NOBODY,
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
            Self::NotListening { .. } => NOT_LISTENING,
            Self::OtherUser { .. } => OTHER_USER,
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
            Self::OneProcess => ONE_PROCESS,
            Self::VaultElsewhere => VAULT_ELSEWHERE,
            Self::OtherFolder { .. } => OTHER_FOLDER,
            Self::NotSteppedDown { .. } => NOT_STEPPED_DOWN,
            Self::SchemaExists { .. } => SCHEMA_EXISTS,
            Self::SoakFailed { .. } => SOAK_FAILED,
        }
    }
}
