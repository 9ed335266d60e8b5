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
    CreateBackupRequest,
    create_backup_event::{Done, Event},
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{RemoteError, Server, known};
use crate::{
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
        let request = CreateBackupRequest { recipients };
        let begun = self.operations().create_backup(request).await;
        let mut events = begun.map_err(RemoteError::from)?.into_inner();
        let (pieces, writing) = begin_to_write(file.to_owned());
        while let Some(told) = events.message().await.map_err(RemoteError::from)? {
            match told.event {
                Some(Event::Progress(progress)) => tell(progress.rows),
                Some(Event::Chunk(chunk)) => {
                    if pieces.send(Piece::Bytes(chunk)).await.is_err() {
                        // The disk is full, or something like that: the server hears that nobody takes it any more.
                        break;
                    }
                }
                Some(Event::Done(done)) => {
                    let _ended = pieces.send(Piece::End(done.file_hash.clone())).await;
                    writing.await??;
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
            created_at: output::moment(Timestamp::from_micros(done.created_at)),
            generation: done.generation,
            sha256: data_encoding::HEXLOWER.encode(&done.file_hash),
            verified_at: None,
            data_keys: done.data_key_ids,
        },
    })
}
