//! Ids of the server's own, where Canton has none.

use strongroom_errors::{Category, ErrorCode};

macro_rules! codes {
    ($($constant:ident = $name:literal, $category:ident, $advice:literal;)+) => {
        $(pub(crate) const $constant: ErrorCode = ErrorCode::new($name, Category::$category, $advice);)+

        /// Every code of the server's own.
        pub const CODES: &[ErrorCode] = &[$($constant),+];
    };
}

codes! {
    EXPORT_DISABLED = "EXPORT_DISABLED", FailedPrecondition, "Export it where the vault is, or have export-private-keys set in [server].";
    LOG_LEVEL_FIXED = "LOG_LEVEL_FIXED", FailedPrecondition, "Start the server with --log LEVEL.";
    NO_SPOOL = "NO_SPOOL", FailedPrecondition, "Make the backup where the vault is: 'strongroom backup create'.";
    NOT_TAKEN = "BACKUP_NOT_TAKEN", Unavailable, "Ask for a backup again, and read all of it.";
    OPERATION_NOT_FOUND = "OPERATION_NOT_FOUND", NotFound, "'strongroom operations list' shows those of this server. It remembers what has ended for a day, until it ends itself; other processes have their own.";
    OTHER_KIND_OF_NODE = "OTHER_KIND_OF_NODE", FailedPrecondition, "Ask the status service of the node's own kind.";
    OTHER_MEMBER = "OTHER_MEMBER", NotFound, "Ask the vault of that node, or leave the member out: then the vault's own node is meant.";
    PERMISSION_DENIED = "PERMISSION_DENIED", PermissionDenied, "Whoever administers the server grants it under [[callers]] in its configuration.";
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED", ResourceExhausted, "Call again when the answer says, and less often, or have rate-limit raised under [[callers]]. A call whose items are more than it allows in a second goes, and holds up the next ones.";
    SERVER_BUG = "SERVER_BUG", Internal, "Report it with the trace that the answer names and what the log says of it.";
    SERVER_BUSY = "SERVER_BUSY", ResourceExhausted, "Ask again when others are done.";
    SNAPSHOT_TOO_LARGE = "SNAPSHOT_TOO_LARGE", InvalidRequest, "Import it with 'strongroom topology import' where the vault is, or in parts.";
    SPOOL_FAILED = "SPOOL_FAILED", ResourceExhausted, "Make room on the disk of the server, in the folder of its vault.";
    TOKEN_KEYS_UNAVAILABLE = "TOKEN_KEYS_UNAVAILABLE", Unavailable, "Try again. If it stays so, look at jwks-url of [[server.tokens]] and at the service there.";
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS", InvalidRequest, "Send the items in several messages: 4096 of any size, and beyond that one for each 32 bytes of the message.";
    UNAUTHENTICATED = "UNAUTHENTICATED", PermissionDenied, "Show a certificate or a token that [[callers]] of the server's configuration knows. The server's log says what was wrong.";
}
