//! A backup of a server's vault, made there and written here.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use strongroom_backup::Section;
use strongroom_crypto::Timestamp;
use strongroom_files::{Access, FileError, Files as _};
use strongroom_server::contract::strongroom::{
    Backup, CreateBackupRequest, ForgetBackupRequest, ListBackupsRequest, ReleaseVaultRequest,
    create_backup_event::{Done, Event},
};
use strongroom_store::BackupId;
use tokio::{sync::mpsc, task::JoinHandle};

use super::{RemoteError, Server, known};
use crate::{
    client::{Backups, Released},
    commands::backup::view::{BackupView, NewBackupView},
    output, session,
};

/// Pieces that came and are not written yet.
const READ_AHEAD: usize = 4;

/// What becomes of the file next. A queue that ends without an end was given up.
enum Piece {
    Bytes(Vec<u8>),
    /// All of it has this hash.
    End(Vec<u8>),
}

impl Server {
    /// Has a backup made for these recipients and writes it to `file`, where nothing is yet. The file appears once all of it
    /// came, with the hash that the server says.
    pub(crate) async fn create_backup(
        &self,
        file: &Path,
        recipients: Vec<String>,
        tell: impl Fn(u64),
    ) -> anyhow::Result<NewBackupView> {
        // Before the vault remembers a backup that nobody has.
        if file.symlink_metadata().is_ok() {
            let path = file.to_owned();
            return Err(FileError::Exists { path }.into());
        }
        let request = CreateBackupRequest { recipients };
        let begun = self.operations().create_backup(request).await;
        let mut events = begun.map_err(RemoteError::from)?.into_inner();
        let (pieces, writing) = begin_to_write(file.to_owned());
        while let Some(told) = events.message().await.map_err(RemoteError::from)? {
            match told.event {
                Some(Event::Progress(progress)) => tell(progress.rows),
                Some(Event::Chunk(chunk)) => {
                    let sent = pieces.send(Piece::Bytes(chunk)).await;
                    // The disk is full, or something like that: the server hears that nobody takes it any more.
                    if sent.is_err() {
                        break;
                    }
                }
                Some(Event::Done(done)) => {
                    let _ended = pieces.send(Piece::End(done.file_hash.clone())).await;
                    if let Err(failed) = writing.await? {
                        self.forget_what_was_not_kept(&done.id).await;
                        return Err(failed.into());
                    }
                    return Ok(view(done)?);
                }
                None => {}
            }
        }
        drop((pieces, events));
        writing.await??;
        Err(cut_off().into())
    }
}

impl Server {
    /// The server has handed a backup out that could not be written here: it is not one to count on.
    async fn forget_what_was_not_kept(&self, id: &str) {
        let request = ForgetBackupRequest { id: id.to_owned() };
        if let Err(status) = self.operations().forget_backup(request).await {
            let error = RemoteError::from(status);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                id,
                "the vault counts on a backup that was not written: see 'strongroom backup forget'"
            );
        }
    }

    pub(crate) async fn backups(&self) -> anyhow::Result<Backups> {
        let listed = self.operations().list_backups(ListBackupsRequest {}).await;
        let listed = listed.map_err(RemoteError::from)?.into_inner();
        let verified = listed.backups.iter().filter(|it| it.verified_at.is_some());
        let newest = verified.map(|it| it.created_at).max();
        Ok(Backups {
            all: listed.backups.into_iter().map(remembered).collect(),
            last_verified: newest.map(moment),
        })
    }

    pub(crate) async fn forget_backup(&self, id: BackupId) -> anyhow::Result<BackupView> {
        let request = ForgetBackupRequest { id: id.to_string() };
        let forgotten = self.operations().forget_backup(request).await;
        let forgotten = forgotten.map_err(RemoteError::from)?.into_inner().forgotten;
        Ok(remembered(
            forgotten.ok_or_else(|| RemoteError::without("the backup"))?,
        ))
    }

    pub(crate) async fn release(&self) -> anyhow::Result<Released> {
        let released = self
            .operations()
            .release_vault(ReleaseVaultRequest {})
            .await;
        released.map_err(RemoteError::from)?;
        let vault_id = self.wrapper_keys().await?.vault_id;
        let listed = self.operations().list_backups(ListBackupsRequest {}).await;
        Ok(Released {
            vault_id,
            quarantine: listed.map_err(RemoteError::from)?.into_inner().quarantined,
        })
    }
}

fn moment(micros: i64) -> String {
    output::moment(Timestamp::from_micros(micros))
}

fn remembered(backup: Backup) -> BackupView {
    BackupView {
        id: backup.id,
        created_at: moment(backup.created_at),
        generation: backup.generation,
        sha256: data_encoding::HEXLOWER.encode(&backup.file_hash),
        verified_at: backup.verified_at.map(moment),
        data_keys: backup.data_key_ids,
    }
}

fn cut_off() -> RemoteError {
    let reason = "the backup did not come to its end".to_owned();
    RemoteError::Gone { reason }
}

/// Writes what comes, on a thread of its own.
fn begin_to_write(file: PathBuf) -> (mpsc::Sender<Piece>, JoinHandle<Result<(), FileError>>) {
    let (sender, mut pieces) = mpsc::channel(READ_AHEAD);
    let writing = tokio::task::spawn_blocking(move || {
        session::files().stream_new_durably(&file, Access::OwnerOnly, &mut |out| {
            let mut hash = Context::new(&SHA256);
            loop {
                match pieces.blocking_recv() {
                    Some(Piece::Bytes(bytes)) => {
                        hash.update(&bytes);
                        out.write_all(&bytes)?;
                    }
                    Some(Piece::End(expected)) => {
                        return if hash.finish().as_ref() == expected {
                            Ok(())
                        } else {
                            Err(io::Error::other("not what the server made came here"))
                        };
                    }
                    None => return Err(io::Error::other(cut_off())),
                }
            }
        })
    });
    (sender, writing)
}

fn view(done: Done) -> Result<NewBackupView, RemoteError> {
    let mut rows = BTreeMap::new();
    for (section, count) in done.rows {
        rows.insert(known(Section::ALL.map(Section::name), &section)?, count);
    }
    Ok(NewBackupView {
        bytes: done.bytes,
        rows,
        backup: BackupView {
            id: done.id,
            created_at: moment(done.created_at),
            generation: done.generation,
            sha256: data_encoding::HEXLOWER.encode(&done.file_hash),
            verified_at: None,
            data_keys: done.data_key_ids,
        },
    })
}
