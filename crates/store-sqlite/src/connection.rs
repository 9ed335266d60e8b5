//! How connections are set up.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};
use strongroom_store::StoreError;

use crate::{Limits, error::failed};

/// How long a statement waits for a lock of another connection. Only checkpoints of a reader's leaving compete with
/// the writer, so this is never waited out in practice.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What the log may keep allocated after it was written back. A bulk insert leaves a long one behind.
const LOG_BYTES: i64 = 16 << 20;

/// The cache of the writer, in KiB (negative: that is how SQLite tells KiB from pages).
const WRITER_CACHE: i64 = -32 << 10;

/// A connection that writes. Until [`accept`] is called, closing it leaves the file as it is.
pub(crate) fn writer(path: &Path, limits: &Limits) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags() | OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(failed("open the database"))?;
    let set_up = || {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        common(&connection)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Deleted bytes are overwritten with zeros.
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
        // On macOS an ordinary sync stops at the drive's cache.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)
    };
    set_up().map_err(failed("set up the connection"))?;
    if let Some(bytes) = limits.max_bytes {
        limit(&connection, bytes).map_err(failed("limit the size of the database"))?;
    }
    Ok(connection)
}

/// Turns on the write-ahead log, after the database was found to be ours and sound.
pub(crate) fn accept(connection: &Connection) -> Result<(), StoreError> {
    let set_up = || {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))
    };
    let mode = set_up().map_err(failed("turn on the write-ahead log"))?;
    if mode != "wal" {
        return Err(StoreError::Io {
            operation: "turn on the write-ahead log",
            source: format!(
                "the journal mode stays {mode}: is the folder on a network file system?"
            )
            .into(),
        });
    }
    connection
        .pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))
        .map_err(failed("limit the log"))
}

/// Whether [`accept`] would change the file.
pub(crate) fn is_accepted(connection: &Connection) -> Result<bool, StoreError> {
    connection
        .pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))
        .map(|mode| mode == "wal")
        .map_err(failed("read the journal mode"))
}

/// Gives the memory of all pages back that are not in use, so that what they hold does not stay for as long as the
/// connection. The engine does not overwrite memory that it frees: that the process leaves no dump is the other half.
pub(crate) fn forget_pages(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch("PRAGMA shrink_memory")
        .map_err(failed("give memory back"))
}

/// Brings the whole log into the database and cuts it to nothing.
pub(crate) fn write_back(connection: &Connection) -> Result<(), StoreError> {
    let is_busy: bool = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))
        .map_err(failed("write the log back"))?;
    if is_busy {
        Err(StoreError::Busy { source: None })
    } else {
        Ok(())
    }
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags() | OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(failed("open the database"))?;
    common(&connection).map_err(failed("set up the connection"))?;
    Ok(connection)
}

/// Each connection stays on one thread, so SQLite needs no locks of its own; URIs in a path would be a trap.
fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE
}

fn common(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(64);
    // A schema may have been written by an adversary: it must not call functions with side effects, nor be
    // edited through SQL, and what looks like a column name must be one.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    // A broken page is noticed when it is read.
    connection.pragma_update(None, "cell_size_check", true)?;
    // Sorting and VACUUM copy rows: those of custody `clear` must not get into temporary files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A mapped file that somebody truncates would end the process with SIGBUS; a read fails with an error.
    connection.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))
}

fn limit(connection: &Connection, bytes: u64) -> Result<(), rusqlite::Error> {
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
    connection.pragma_update_and_check(None, "max_page_count", pages.max(1), |_| Ok(()))
}
