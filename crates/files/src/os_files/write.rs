//! Putting contents under a name.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::temporary_file::{self, TemporaryFile};
use super::{OsFiles, behind_link};
use crate::{Access, DurableStep, FileAction, FileError};

/// What a write does with the file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It stays, and the write fails.
    Kept,
    /// Its place is taken by a file of ours.
    Replaced,
    /// Its place is taken by a file of its owner's, where that hands nobody anything new.
    ReplacedForItsOwner,
}

/// Writes the contents of a file.
pub(super) type Fill<'f> = dyn FnMut(&mut dyn Write) -> io::Result<()> + 'f;

/// Contents that are there already.
pub(super) fn all_of(contents: &[u8]) -> impl FnMut(&mut dyn Write) -> io::Result<()> {
    |file| file.write_all(contents)
}

impl OsFiles {
    /// All three kinds of writing. Whatever fails before the rename leaves what was there.
    pub(super) fn write(
        &self,
        path: &Path,
        fill: &mut Fill<'_>,
        access: Access,
        standing: Standing,
    ) -> Result<(), FileError> {
        let failed = |source| FileError::of(FileAction::Write, path, source);
        let exists = || FileError::Exists {
            path: path.to_owned(),
        };
        let target = match standing {
            Standing::Kept => path.to_owned(),
            Standing::Replaced | Standing::ReplacedForItsOwner => {
                behind_link(path).map_err(failed)?
            }
        };
        let there = metadata(&target).map_err(failed)?;
        match &there {
            Some(_) if standing == Standing::Kept => return Err(exists()),
            Some(there) if !there.is_file() => {
                return Err(FileError::NotAFile {
                    path: path.to_owned(),
                });
            }
            _ => {}
        }
        temporary_file::remove_leftovers_of(&target);
        self.done(DurableStep::LeftoversRemoved, path);
        let mut temporary = TemporaryFile::create_for(&target, access).map_err(failed)?;
        if let (Standing::ReplacedForItsOwner, Some(there)) = (standing, &there) {
            temporary
                .keep_owner_of(there, &target, access)
                .map_err(failed)?;
        }
        self.done(DurableStep::TemporaryCreated, path);
        fill(temporary.file()).map_err(failed)?;
        self.done(DurableStep::ContentsWritten, path);
        temporary.file().sync_all().map_err(failed)?;
        self.done(DurableStep::ContentsSynced, path);
        if standing == Standing::Kept {
            match temporary.publish_as(&target) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists()),
                published => published.map_err(failed)?,
            }
        } else {
            temporary.rename_to(&target).map_err(failed)?;
        }
        self.done(DurableStep::Renamed, path);
        self.sync_folder_of(&target, path)
    }
}

/// Of what bears the name itself, be it a link that points nowhere.
fn metadata(target: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(target) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
