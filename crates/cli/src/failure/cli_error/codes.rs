//! The codes of the command line's own refusals, and what to do about each.

use strongroom_errors::{Category, ErrorCode};

const fn code(name: &'static str, category: Category, advice: &'static str) -> ErrorCode {
    ErrorCode::new(name, category, advice)
}

pub(super) const NO_CONFIG: ErrorCode = code(
    "NO_CONFIG",
    Category::FailedPrecondition,
    "Make a vault with 'strongroom init --dir DIR' or 'strongroom quickstart --dir DIR', or name its folder with --dir, or its configuration with --config.",
);
pub(super) const FOLDER_IN_USE: ErrorCode = code(
    "FOLDER_IN_USE",
    Category::FailedPrecondition,
    "Choose an empty folder with --dir.",
);
pub(super) const BEGUN_OTHERWISE: ErrorCode = code(
    "BEGUN_OTHERWISE",
    Category::FailedPrecondition,
    "Say what its configuration says, or leave it out; or choose another folder.",
);
pub(super) const KEY_FOLDER_IN_USE: ErrorCode = code(
    "KEY_FOLDER_IN_USE",
    Category::FailedPrecondition,
    "Choose another folder with --key-dir: each vault has a key file and an anchor of its own.",
);
pub(super) const NO_HOME: ErrorCode = code(
    "NO_HOME",
    Category::FailedPrecondition,
    "Say where the key file shall be with --key-dir DIR, or set HOME.",
);
pub(super) const NO_SECRET_FILE: ErrorCode = code(
    "NO_SECRET_FILE",
    Category::NotFound,
    "Check the path: of a passphrase, password or PIN, or of a certificate or key of TLS.",
);
pub(super) const BAD_ENCODING: ErrorCode = code(
    "BAD_ENCODING",
    Category::InvalidRequest,
    "Say how it is written down: binary, hex or base64 (--input-encoding for what is read, --encoding for a signature).",
);
pub(super) const HASH_IN_HEX: ErrorCode = code(
    "HASH_IN_HEX",
    Category::InvalidRequest,
    "Add --input-encoding hex.",
);
pub(super) const BAD_TRACE_ID: ErrorCode = code(
    "BAD_TRACE_ID",
    Category::InvalidRequest,
    "Set it to the trace-id of W3C Trace Context, or unset it.",
);
pub(super) const USAGE_DIFFERS: ErrorCode = code(
    "USAGE_DIFFERS",
    Category::InvalidRequest,
    "A container says itself what its key is for: leave --usage and --purpose out to take the key as it is.",
);
pub(super) const PASSWORD_OF_NO_CONTAINER: ErrorCode = code(
    "PASSWORD_OF_NO_CONTAINER",
    Category::InvalidRequest,
    "Leave the password out. A PEM file that is encrypted is to be decrypted first, for example with 'openssl pkey'.",
);
pub(super) const PASSWORD_IN_ARGUMENT: ErrorCode = code(
    "PASSWORD_IN_ARGUMENT",
    Category::InvalidRequest,
    "Whoever lists processes has seen it: change it. Give the address with --url-file or --url-env, or the password in PGPASSWORD \
     or ~/.pgpass.",
);
pub(super) const NAMESPACE_KEY_GONE: ErrorCode = code(
    "NAMESPACE_KEY_GONE",
    Category::FailedPrecondition,
    "A new namespace key would be a new identity. Bring the old one back from a backup with 'strongroom keys import', under its name. \
     For a new node choose another folder.",
);
pub(super) const INPUT_TOO_LONG: ErrorCode = code(
    "INPUT_TOO_LONG",
    Category::InvalidRequest,
    "Check that this is the right file.",
);
pub(super) const NO_PERIOD: ErrorCode = code(
    "NO_PERIOD",
    Category::InvalidRequest,
    "Say with --from and --to of which time the cloud's log is; and check that it is the log of the account and region of the keys.",
);
pub(super) const BAD_ARGUMENT: ErrorCode = code(
    "BAD_ARGUMENT",
    Category::InvalidRequest,
    "The command's --help shows examples.",
);
pub(super) const FOLLOWS_NOBODY: ErrorCode = code(
    "FOLLOWS_NOBODY",
    Category::Unsupported,
    "Leave out --follow: it is for vaults in PostgreSQL, which several processes share.",
);
pub(super) const OUTPUT_EXISTS: ErrorCode = code(
    "OUTPUT_EXISTS",
    Category::AlreadyExists,
    "Choose another file, or say --force to replace it.",
);
pub(super) const BINARY_TO_TERMINAL: ErrorCode = code(
    "BINARY_TO_TERMINAL",
    Category::InvalidRequest,
    "Write it to a file with --out FILE, or let another program read it through a pipe. What has a form in text too is shown in \
     that: the command's --help lists its forms.",
);
pub(super) const NO_TERMINAL: ErrorCode = code(
    "NO_TERMINAL",
    Category::FailedPrecondition,
    "Have it read from a file or an environment variable: by --passphrase-file or --password-file and their like, or for an existing \
     key file by 'protection' in the configuration.",
);
pub(super) const PASSPHRASES_DIFFER: ErrorCode =
    code("PASSPHRASES_DIFFER", Category::InvalidRequest, "Try again.");
pub(super) const EMPTY_PASSPHRASE: ErrorCode = code(
    "EMPTY_PASSPHRASE",
    Category::InvalidRequest,
    "Look whether its file or variable is the right one. For a new one choose a long one.",
);
pub(super) const NO_VARIABLE: ErrorCode = code(
    "NO_VARIABLE",
    Category::InvalidRequest,
    "Set it, or name another source.",
);
pub(super) const KMS_NOT_BUILT_IN: ErrorCode = code(
    "KMS_NOT_BUILT_IN",
    Category::Unsupported,
    "Use a program that was built with the feature of this kind; the usual one has all.",
);
pub(super) const NOT_CONFIRMED: ErrorCode = code(
    "NOT_CONFIRMED",
    Category::FailedPrecondition,
    "This cannot be undone, so it must be asked for by that flag.",
);
pub(super) const SIMULATOR_NOT_STARTED: ErrorCode = code(
    "SIMULATOR_NOT_STARTED",
    Category::FailedPrecondition,
    "Choose another port, or 0 for any that is free.",
);
pub(super) const BAD_SCENARIO: ErrorCode = code(
    "SIMULATOR_SCENARIO_INVALID",
    Category::InvalidRequest,
    "'strongroom kms simulate --help' shows one; begin with less, everything may be left out.",
);
pub(super) const NO_SOFTHSM: ErrorCode = code(
    "REHEARSAL_NEEDS_SOFTHSM",
    Category::FailedPrecondition,
    "Install it ('apt-get install softhsm2'), or name its library with --module FILE.",
);
pub(super) const NOT_LISTENING: ErrorCode = code(
    "ADDRESS_NOT_AVAILABLE",
    Category::FailedPrecondition,
    "Name an address of this machine and a port that nobody else uses, above 1023 unless you may use those below.",
);
pub(super) const OTHER_USER: ErrorCode = code(
    "OTHER_USER",
    Category::FailedPrecondition,
    "Start it as the user that the configuration names, or correct 'user' in [listen].",
);
pub(super) const FLAG_MISSING: ErrorCode = code(
    "FLAG_MISSING",
    Category::InvalidRequest,
    "Add it; the command's --help shows examples.",
);
pub(super) const EXPORT_UNPROTECTED: ErrorCode = code(
    "EXPORT_UNPROTECTED",
    Category::FailedPrecondition,
    "Give a password with --password-file, --password-env or --password-prompt, or say --unprotected.",
);
pub(super) const DATABASE_GONE: ErrorCode = code(
    "DATABASE_GONE",
    Category::DataCorrupted,
    "Restore the database from a backup, and find out who removed it. For a new vault choose another folder.",
);
pub(super) const OUTPUT_FAILED: ErrorCode = code(
    "OUTPUT_FAILED",
    Category::Unavailable,
    "Check where standard output goes: a full disk, or a program that ended. What the command was to do is done, only its report is \
     lost.",
);
pub(super) const NO_SUCH_CODE: ErrorCode = code(
    "NO_SUCH_CODE",
    Category::NotFound,
    "'strongroom errors' lists every code.",
);
pub(super) const NOT_SCRUBBED: ErrorCode = code(
    "NOT_SCRUBBED",
    Category::Contention,
    "End whatever else reads the database; the next command that ends without a warning has emptied the log.",
);
pub(super) const WRONG_USAGE: ErrorCode = code(
    "WRONG_USAGE",
    Category::InvalidRequest,
    "'strongroom COMMAND --help' shows what the command takes, with examples.",
);
pub(super) const STDIN_TWICE: ErrorCode = code(
    "STDIN_TWICE",
    Category::InvalidRequest,
    "Put one of the two inputs into a file.",
);
pub(super) const OTHER_CONTAINER: ErrorCode = code(
    "TOPOLOGY_INPUT_OF_OTHER_KIND",
    Category::InvalidRequest,
    "Give snapshots to 'strongroom topology import', certificates and lists of transactions to 'strongroom topology apply'.",
);
pub(super) const NOT_ONE_TRANSACTION: ErrorCode = code(
    "TOPOLOGY_NOT_ONE_TRANSACTION",
    Category::InvalidRequest,
    "Name one by its hash, or write a list with --format transactions.",
);
pub(super) const BURNS_NAMESPACE: ErrorCode = code(
    "TOPOLOGY_BURNS_NAMESPACE",
    Category::FailedPrecondition,
    "Nothing can be signed in the namespace any more, by no key, and nothing brings it back. If that is what you want, add \
     --danger-burn-namespace.",
);
pub(super) const TIME_AHEAD: ErrorCode = code(
    "TOPOLOGY_TIME_AHEAD",
    Category::InvalidRequest,
    "Check the year and the zone: every later time of this synchronizer would be refused as too early. If the time is right, set the \
     clock of this machine.",
);
pub(super) const NOTHING_ANNOUNCED: ErrorCode = code(
    "TOPOLOGY_NOTHING_ANNOUNCED",
    Category::NotFound,
    "Check the name, its prefix (PAR, SEQ, MED; none for a party), the store and the time: 'strongroom topology graph' shows who \
     announces keys.",
);
pub(super) const UNKNOWN_NAMESPACE: ErrorCode = code(
    "TOPOLOGY_NAMESPACE_UNKNOWN",
    Category::NotFound,
    "Give the whole namespace, not only its beginning, and name the store with --store: 'strongroom topology graph' shows those that \
     there are.",
);
pub(super) const NO_EFFECT: ErrorCode = code(
    "OPTION_WITHOUT_EFFECT",
    Category::FailedPrecondition,
    "Leave it out. Nothing was changed.",
);
pub(super) const SHORTENED: ErrorCode = code(
    "HASH_SHORTENED",
    Category::InvalidRequest,
    "Copy all 68 digits: several may begin alike, and 'strongroom topology list' and 'strongroom keys list' show them whole.",
);
pub(super) const NOT_SIGNED: ErrorCode = code(
    "TOPOLOGY_INPUT_NOT_SIGNED",
    Category::InvalidRequest,
    "'strongroom topology root inspect FILE' says what is in it; certificates, lists and snapshots are taken here.",
);
pub(super) const OTHER_KEY: ErrorCode = code(
    "OTHER_KEY",
    Category::InvalidRequest,
    "Check which key the file holds.",
);
pub(super) const ONE_PROCESS: ErrorCode = code(
    "ONE_PROCESS",
    Category::FailedPrecondition,
    "There is no other process to hand over to. 'strongroom vault move' brings the vault into PostgreSQL, which several may share.",
);
pub(super) const NOT_STEPPED_DOWN: ErrorCode = code(
    "NOT_STEPPED_DOWN",
    Category::Unavailable,
    "It still has the request, and gives the lease up when it has finished what it writes; one that is gone loses it to the next process that writes. See 'strongroom replicas list'.",
);
pub(super) const VAULT_ELSEWHERE: ErrorCode = code(
    "VAULT_ELSEWHERE",
    Category::FailedPrecondition,
    "Nothing was changed. Look at the section [store] of the configuration, which --dir or --config names; without one the vault is in --dir.",
);
pub(super) const OTHER_FOLDER: ErrorCode = code(
    "OTHER_FOLDER",
    Category::InvalidRequest,
    "Name the vault's folder with --dir and with --to. To have it elsewhere, move the folder with its configuration first.",
);
pub(super) const SCHEMA_EXISTS: ErrorCode = code(
    "SCHEMA_EXISTS",
    Category::AlreadyExists,
    "Nothing was changed. Name another with --store-schema. If a benchmark that was interrupted left it behind, drop it: DROP SCHEMA NAME CASCADE.",
);
pub(super) const SOAK_FAILED: ErrorCode = code(
    "SOAK_FAILED",
    Category::Internal,
    "The log of the server stands above. Run it again with more rounds: what grows goes on growing. Then report it.",
);
