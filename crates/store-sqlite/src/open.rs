//! Makes and opens the database file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use strongroom_files::{Access, Files, OsFiles};
use strongroom_store::{Place, StoreError};

use crate::{
    Limits,
    condition::Condition,
    connection,
    error::{failed, of_file},
    moved, schema,
};

/// The name of the database in the vault's folder.
pub const DATABASE: &str = "vault.db";

/// The first bytes of every SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The part of the header that [`Header::of`] looks at, and where the application id is in it (SQLite file format,
/// section 1.3).
const HEADER_BYTES: usize = 72;

/// What stands at the place of the database, told from its first bytes, without the engine, which would change a
/// foreign database that was left in the middle of a change.
///
/// Only to be used while the folder is locked and no connection is open: closing a file drops the locks that SQLite
/// holds on it in the same process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    Missing,
    Empty,
    Ours,
    Foreign,
}

impl Header {
    fn of(path: &Path) -> Result<Self, StoreError> {
        // Opening a pipe would wait for somebody to write into it.
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Self::Foreign);
        }
        let mut header = Vec::with_capacity(HEADER_BYTES);
        let bytes_read = File::open(path)
            .and_then(|file| file.take(HEADER_BYTES as u64).read_to_end(&mut header));
        match bytes_read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Missing),
            Err(source) => Err(StoreError::Io {
                operation: "read the database",
                source: source.into(),
            }),
            Ok(0) => Ok(Self::Empty),
            Ok(_)
                if header.starts_with(MAGIC)
                    && header.ends_with(&schema::APPLICATION_ID.to_be_bytes()) =>
            {
                Ok(Self::Ours)
            }
            Ok(_) => Ok(Self::Foreign),
        }
    }
}

/// Opens the database of a vault, after it was found to be one. A refused file stays as it was.
///
/// The pages are not looked over: the vault reads and authenticates every key anyway, and the first write does it.
/// Where opening itself writes, be it that closing will bring the log of a crashed process into the database, that
/// comes first.
pub(crate) fn existing(
    folder: &Path,
    limits: &Limits,
    condition: &Condition,
) -> Result<Connection, StoreError> {
    let connection = any(folder, limits, condition)?;
    moved::refuse(&connection)?;
    // What a process that died had overwritten, such as a key that was readable, stands in its log or beneath it until then. A full
    // disk keeps nobody from reading: closing tries again.
    let _written_back = connection::write_back(&connection);
    Ok(connection)
}

/// As [`existing`], for one whose vault was moved away; any other is refused.
pub(crate) fn left(
    folder: &Path,
    limits: &Limits,
    condition: &Condition,
) -> Result<Connection, StoreError> {
    let connection = any(folder, limits, condition)?;
    match moved::target(&connection)? {
        Some(_) => Ok(connection),
        None => Err(not_a_vault(folder)),
    }
}

fn any(folder: &Path, limits: &Limits, condition: &Condition) -> Result<Connection, StoreError> {
    let path = folder.join(DATABASE);
    if Header::of(&path)? != Header::Ours {
        return Err(not_a_vault(folder));
    }
    let real_path = check_private(&path)?;
    let is_clean = !has_log(&real_path);
    let connection = connection::writer(&path, limits)?;
    if !matches!(Contents::of(&connection)?, Contents::Schema) || !has_vault(&connection)? {
        return Err(not_a_vault(folder));
    }
    let is_current =
        connection::is_accepted(&connection)? && schema::version(&connection)? == schema::newest();
    if !(is_clean && is_current) {
        condition.check_writable(&connection)?;
    }
    connection::accept(&connection)?;
    schema::migrate(&connection)?;
    Ok(connection)
}

/// Makes the database of a new vault, or goes on where a creation was interrupted.
pub(crate) fn fresh(
    folder: &Path,
    limits: &Limits,
    condition: &Condition,
) -> Result<Connection, StoreError> {
    let path = folder.join(DATABASE);
    match Header::of(&path)? {
        Header::Missing => create_file(&path, folder)?,
        Header::Empty | Header::Ours => {}
        // Only our own creation leaves a journal of this name; the engine takes back what it wrote.
        Header::Foreign if journal(folder).exists() => {}
        Header::Foreign => return Err(not_a_vault(folder)),
    }
    check_private(&path)?;
    let connection = connection::writer(&path, limits)?;
    match Contents::of(&connection)? {
        Contents::Nothing => schema::create(&connection)?,
        Contents::Schema if has_vault(&connection)? => {
            return Err(StoreError::AlreadyAVault {
                place: Place::Folder(folder.to_owned()),
            });
        }
        Contents::Schema => condition.check_writable(&connection)?,
        Contents::Foreign => return Err(not_a_vault(folder)),
    }
    connection::accept(&connection)?;
    schema::migrate(&connection)?;
    Ok(connection)
}

/// Whether a vault is there, open or not. One that cannot be read is there too: opening it says what is wrong.
pub(crate) fn is_there(folder: &Path) -> bool {
    let path = folder.join(DATABASE);
    // The vault's row is written after the engine has left journal mode: whoever finds a journal finds no vault.
    if fs::metadata(&path).is_ok_and(|file| file.len() == 0)
        || !path.exists()
        || journal(folder).exists()
    {
        return false;
    }
    match connection::reader(&path)
        .and_then(|connection| Ok((Contents::of(&connection)?, has_vault(&connection))))
    {
        Ok((Contents::Schema, vault)) => vault.unwrap_or(true),
        Ok((Contents::Nothing | Contents::Foreign, _)) => false,
        // No store of this process works with a database that cannot be read, so no lock is lost by looking at it.
        Err(_) => Header::of(&path).is_ok_and(|header| header == Header::Ours),
    }
}

/// What the engine finds in the database.
enum Contents {
    Nothing,
    Schema,
    Foreign,
}

impl Contents {
    fn of(connection: &Connection) -> Result<Self, StoreError> {
        let (application_id, version) = (
            schema::application_id(connection)?,
            schema::version(connection)?,
        );
        if application_id == schema::APPLICATION_ID && version > schema::newest() {
            return Err(StoreError::NewerSchema {
                found: version,
                known: schema::newest(),
            });
        }
        let has_tables = connection
            .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", (), |row| {
                row.get(0)
            })
            .map_err(failed("read the schema"))?;
        Ok(match (application_id, version, has_tables) {
            (schema::APPLICATION_ID, 1.., true) => Self::Schema,
            (0, 0, false) => Self::Nothing,
            _ => Self::Foreign,
        })
    }
}

/// Creating a vault is not finished before its row is stored.
fn has_vault(connection: &Connection) -> Result<bool, StoreError> {
    connection
        .query_row("SELECT EXISTS (SELECT 1 FROM vault)", (), |row| row.get(0))
        .map_err(failed("read the vault"))
}

/// The engine gives its log and its index the permissions of the database.
fn create_file(path: &Path, folder: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(Access::OwnerOnly.file_mode())
        .open(path)
        .and_then(|_created| File::open(folder)?.sync_all())
        .map_err(|source| StoreError::Io {
            operation: "create the database",
            source: source.into(),
        })
}

/// Refuses a database that anybody but its owner has rights on, or in a folder that others can write, wherever a link
/// leads; the answer is where that is. The engine puts its log beside the file, not beside the link.
fn check_private(path: &Path) -> Result<PathBuf, StoreError> {
    let real_path = fs::canonicalize(path).map_err(|source| StoreError::Io {
        operation: "find the database",
        source: source.into(),
    })?;
    let files = OsFiles::new();
    let folder = real_path.parent().unwrap_or(&real_path);
    files
        .check_private(&real_path)
        .and_then(|()| files.check_guarded(folder))
        .map_err(|error| of_file(error, "use the database"))?;
    Ok(real_path)
}

/// Whether a process has not written its log back.
fn has_log(real_path: &Path) -> bool {
    let mut log = real_path.as_os_str().to_owned();
    log.push("-wal");
    // One that cannot be looked at is taken for one.
    match fs::metadata(PathBuf::from(log)) {
        Ok(log) => log.len() > 0,
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn journal(folder: &Path) -> PathBuf {
    folder.join(format!("{DATABASE}-journal"))
}

pub(crate) fn not_a_vault(folder: &Path) -> StoreError {
    StoreError::NotAVault {
        place: Place::Folder(folder.to_owned()),
    }
}
