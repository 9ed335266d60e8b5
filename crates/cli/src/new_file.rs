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

    /// Adds a part.
    ///
    /// # Errors
    /// It cannot be written any more, and [`Self::give_up`] says why: whoever makes the parts stops.
    pub(crate) async fn add(&self, part: Vec<u8>) -> anyhow::Result<()> {
        let added = self.parts.send(Some(part)).await;
        added.map_err(|_ended| anyhow::anyhow!("the file cannot be written"))
    }

    /// Nothing comes any more: waits until it is durable.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        let _failed = self.parts.send(None).await;
        drop(self.parts);
        Ok(self.writing.await??)
    }

    /// It is not whole: nothing of it is left behind. Says why, if it could not be written.
    pub(crate) async fn give_up(self) -> Option<anyhow::Error> {
        let by_itself = self.parts.is_closed();
        drop(self.parts);
        match self.writing.await {
            Ok(Err(failed)) if by_itself => Some(failed.into()),
            _given_up => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_cannot_be_written_says_so_before_everything_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = NewFile::begin(&folder.path().join("nowhere/file"));
        let mut added = 0;
        while file.add(vec![7; 1024]).await.is_ok() {
            added += 1;
        }
        // As many as may wait.
        assert!(added <= AHEAD + 1, "{added}");
        let failed = file.give_up().await.expect("the reason");
        assert!(failed.downcast_ref::<FileError>().is_some(), "{failed:?}");
    }

    #[tokio::test]
    async fn a_file_that_is_given_up_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = NewFile::begin(&folder.path().join("file"));
        file.add(vec![7; 1024]).await.unwrap();
        assert!(file.give_up().await.is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
