//! Making a backup while the vault is in use.

use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
    path::PathBuf,
    sync::Arc,
};

use strongroom_backup::{BackupError, BackupWriter, Header, Manifest, Protection, Row, Written};
use strongroom_crypto::Timestamp;
use strongroom_files::{Access, Files};
use strongroom_store::{BackupId, BackupRecord, ReadTransaction};
use tokio::sync::mpsc;

use super::{hashing::Hashing, pages::Pages, seal::SealOfVault};
use crate::{
    audit::AuditOperation, background::outcome_of, backups::Backup, caller::Caller,
    data_keys::OpenedDataKey, error::VaultError, recall::safe_point, state::VaultState, unit::Unit,
    vault::Vault,
};

/// Pages read ahead of the one that is being written.
const READ_AHEAD: usize = 4;
/// A rotation ends once; whoever finds another data key again and again has a store that somebody else writes.
const MOST_LOOKS: usize = 3;
/// What goes to the system at a time.
const BUFFER: usize = 1 << 18;

/// What a backup shall be.
#[derive(Debug)]
pub struct NewBackup {
    /// Where to; nothing may be there yet. The folder is there.
    pub file: PathBuf,
    /// Who can read it.
    pub protection: Protection,
    /// The file system.
    pub files: Arc<dyn Files>,
    /// The version of the program, for the header.
    pub program: String,
}

/// A backup that was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedBackup {
    /// As the vault remembers it.
    pub backup: Backup,
    /// What it holds.
    pub manifest: Manifest,
    /// The size of the file.
    pub bytes: u64,
}

/// What a thread with the file writes next; a queue that ends without an end was given up.
enum Page {
    Rows(Vec<Row>),
    End,
}

/// A file that was written.
struct Finished {
    written: Written,
    file_hash: [u8; 32],
    bytes: u64,
}

impl Vault {
    /// Writes a backup of this moment to a file that is not there yet, readable by its owner only, while everything goes on.
    ///
    /// Rows are copied as they are, sealed; readable private keys are sealed under the data key on the way. Page by page:
    /// memory does not grow with the vault. The file is whole and durable, or not there. Then the vault remembers it; should
    /// that fail, the file is there and good, and verifying it makes the vault know it. `progress` hears how many rows were
    /// read.
    ///
    /// # Errors
    /// [`VaultError::File`], [`VaultError::Backup`]; errors of the store.
    pub async fn create_backup(
        &self,
        caller: &Caller,
        new: NewBackup,
        progress: impl FnMut(u64),
    ) -> Result<CreatedBackup, VaultError> {
        let file = new.file.clone();
        self.create_backup_at(caller, new, |_id, _at| file, progress)
            .await
    }

    /// As [`Vault::create_backup`], to the file that `place` says when id and time of the backup are known.
    pub(super) async fn create_backup_at(
        &self,
        caller: &Caller,
        mut new: NewBackup,
        place: impl FnOnce(BackupId, Timestamp) -> PathBuf,
        mut progress: impl FnMut(u64),
    ) -> Result<CreatedBackup, VaultError> {
        self.check_can_remember().await?;
        // What it needs is known once it is remembered: until then nobody removes it.
        let _under_way = self.backups_under_way().read().await;
        let (mut snapshot, data_key) = self.moment().await?;
        let header = self.header(snapshot.as_mut(), &data_key, &new).await?;
        new.file = place(header.id, header.created_at);
        let name = new.file.display().to_string();
        let seal = SealOfVault {
            vault: self.id(),
            data_key,
            random: Arc::clone(&self.environment().random),
        };
        let (pages, queue) = mpsc::channel(READ_AHEAD);
        let (head, seal) = (header.clone(), Arc::new(seal));
        let writing = tokio::task::spawn_blocking(move || write_file(&new, &head, seal, queue));
        let read = send_rows(snapshot.as_mut(), &pages, &mut progress).await;
        drop((pages, snapshot));
        let finished = outcome_of(writing).await;
        // What the reader failed with is why the writer was given up.
        read?;
        let finished = finished?;
        let record = BackupRecord {
            id: header.id,
            created_at: header.created_at,
            generation: header.generation,
            file_hash: finished.file_hash,
            needs: finished.written.needs,
            verified_at: None,
            data_key_id: header.current_data_key,
            mac: [0; 32],
        };
        let details = BTreeMap::from([("file".to_owned(), name)]);
        let backup = self
            .remember_backup(caller, record, AuditOperation::CreateBackup, details)
            .await?;
        self.write_tag().await;
        Ok(CreatedBackup {
            backup,
            manifest: finished.written.manifest,
            bytes: finished.bytes,
        })
    }

    /// Refuses, before there is a file, where another process writes: the vault would not remember the backup, and a schedule that
    /// tries again would fill the disk.
    async fn check_can_remember(&self) -> Result<(), VaultError> {
        if self.replica().is_some() {
            let _nothing_is_written = Unit::begin(self).await?;
        }
        Ok(())
    }

    /// A moment of the store, and the data key that was current then. The end of a rotation may come in between: then the next
    /// moment is taken.
    async fn moment(&self) -> Result<(Box<dyn ReadTransaction>, Arc<OpenedDataKey>), VaultError> {
        for _look in 0..MOST_LOOKS {
            let mut snapshot = self.environment().store.read().await?;
            let vault = snapshot.vault().await?.ok_or(VaultError::NotInitialized)?;
            let data_key = Arc::clone(self.data_keys().current());
            if vault.id == self.id() && vault.current_data_key == data_key.id {
                return Ok((snapshot, data_key));
            }
            drop(snapshot);
            self.caught_up().await;
        }
        Err(VaultError::ChangedUnderneath)
    }

    async fn header(
        &self,
        snapshot: &mut dyn ReadTransaction,
        data_key: &OpenedDataKey,
        new: &NewBackup,
    ) -> Result<Header, VaultError> {
        let vault = snapshot.vault().await?.ok_or(VaultError::NotInitialized)?;
        let state = VaultState::open(&vault.state, vault.id, data_key)?;
        let mut id = [0; 16];
        self.random().fill(&mut id)?;
        Ok(Header {
            id: BackupId::from_bytes(id),
            vault: vault.id,
            member: snapshot.identity().await?.map(|identity| identity.member),
            generation: state.generation,
            created_at: self.now(),
            current_data_key: data_key.id,
            program: new.program.clone(),
        })
    }

    /// Remembers a backup, with an audit record.
    pub(crate) async fn remember_backup(
        &self,
        caller: &Caller,
        record: BackupRecord,
        operation: AuditOperation,
        mut details: BTreeMap<String, String>,
    ) -> Result<Backup, VaultError> {
        let id = record.id;
        let hash = data_encoding::HEXLOWER.encode(&record.file_hash);
        details.extend([
            ("backup".to_owned(), id.to_string()),
            ("generation".to_owned(), record.generation.to_string()),
            ("sha256".to_owned(), hash),
        ]);
        let mut unit = Unit::begin(self).await?;
        unit.put_backup(record).await?;
        unit.audit(caller, operation, None, details).await?;
        unit.commit().await?;
        self.backup_records()
            .of(id)
            .ok_or(VaultError::ChangedUnderneath)
    }
}

async fn send_rows(
    snapshot: &mut dyn ReadTransaction,
    pages: &mpsc::Sender<Page>,
    progress: &mut impl FnMut(u64),
) -> Result<(), VaultError> {
    let mut walk = Pages::new();
    let mut done = 0;
    while let Some(rows) = walk.next(snapshot).await? {
        // Nothing is remembered yet, and the file comes to nothing.
        safe_point()?;
        done += rows.len() as u64;
        // A writer that is gone has failed, and says so.
        if pages.send(Page::Rows(rows)).await.is_err() {
            return Ok(());
        }
        progress(done);
    }
    let _writer_is_gone = pages.send(Page::End).await;
    Ok(())
}

fn write_file(
    new: &NewBackup,
    header: &Header,
    seal: Arc<SealOfVault>,
    mut queue: mpsc::Receiver<Page>,
) -> Result<Finished, VaultError> {
    let mut finished = None;
    let mut failed = None;
    let outcome = new
        .files
        .stream_new_durably(&new.file, Access::OwnerOnly, &mut |file| {
            let seal: Arc<SealOfVault> = Arc::clone(&seal);
            match write_rows(file, &new.protection, header, seal, &mut queue) {
                Ok(done) => {
                    finished = Some(done);
                    Ok(())
                }
                Err(BackupError::Io { source, .. }) => Err(source),
                Err(error) => {
                    failed = Some(error);
                    Err(io::Error::other("the backup was given up"))
                }
            }
        });
    if let Some(error) = failed {
        return Err(error.into());
    }
    outcome?;
    finished.ok_or(VaultError::ChangedUnderneath)
}

fn write_rows(
    file: &mut dyn Write,
    protection: &Protection,
    header: &Header,
    seal: Arc<SealOfVault>,
    queue: &mut mpsc::Receiver<Page>,
) -> Result<Finished, BackupError> {
    let written = |source| BackupError::Io {
        action: "written",
        source,
    };
    // Rows are small: they are gathered before they are hashed.
    let output = BufWriter::with_capacity(BUFFER, Hashing::new(file));
    let mut writer = BackupWriter::begin(protection.encrypt(output)?, header, seal)?;
    loop {
        match queue.blocking_recv() {
            Some(Page::Rows(rows)) => rows.iter().try_for_each(|row| writer.write(row))?,
            Some(Page::End) => break,
            None => {
                return Err(written(io::Error::other(
                    "the rows were not read to the end",
                )));
            }
        }
    }
    let (output, sums) = writer.finish()?;
    let output = output.finish()?.into_inner();
    let (file_hash, bytes) = output
        .map_err(|error| written(error.into_error()))?
        .finish();
    Ok(Finished {
        written: sums,
        file_hash,
        bytes,
    })
}
