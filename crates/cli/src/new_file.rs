//! A file that is written while its parts come.

use std::{io, path::Path};

use strongroom_files::{Access, FileError, Files as _};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::session;

/// Parts that came and are not written yet.
const AHEAD: usize = 4;

/// A new file, on its way. It appears, durably, once it is ended; one that is given up leaves nothing behind.
pub(crate) struct NewFile {
    parts: mpsc::Sender<Option<Vec<u8>>>,
    writing: JoinHandle<Result<(), FileError>>,
}

impl NewFile {
    /// Begins it, where nothing may be yet. It is written on a thread of its own.
    pub(crate) fn begin(path: &Path) -> Self {
        let (parts, mut queue) = mpsc::channel::<Option<Vec<u8>>>(AHEAD);
        let path = path.to_owned();
        let writing = tokio::task::spawn_blocking(move || {
            session::files().stream_new_durably(&path, Access::OwnerOnly, &mut |out| {
                loop {
                    match queue.blocking_recv() {
                        Some(Some(part)) => out.write_all(&part)?,
                        Some(None) => return Ok(()),
                        None => return Err(io::Error::other("the rest of it never came")),
                    }
                }
            })
        });
        Self { parts, writing }
    }

    /// Adds a part; false: it cannot be written any more, and [`Self::end`] says why.
    pub(crate) async fn add(&self, part: Vec<u8>) -> bool {
        self.parts.send(Some(part)).await.is_ok()
    }

    /// Nothing comes any more: waits until it is durable.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let _failed = self.parts.send(None).await;
        drop(self.parts);
        Ok(self.writing.await??)
    }

    /// It is not whole: nothing of it is left behind.
    pub(crate) async fn give_up(self) {
        drop(self.parts);
        let _nothing = self.writing.await;
    }
}
