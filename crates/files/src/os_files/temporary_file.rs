//! The file that takes the place of another.
//!
//! Its name is `.NAME.PID-NUMBER.partial` in the same folder. While it is written it is locked, so that another writer
//! of the same file can tell a leftover of a crash from work in progress. Two writers never share a temporary file, so
//! whatever order they come in, each rename puts a whole file in place.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use super::private::RIGHTS_OF_OTHERS;
use super::{folder, guarded};
use crate::Access;

const SUFFIX: &str = ".partial";

const NOT_ELSEWHERE: i32 = OFlags::NOFOLLOW
    .union(OFlags::NONBLOCK)
    .bits()
    .cast_signed();

/// Leftovers of this many writes by processes of our number may be in the way and impossible to remove.
const MAX_NAMES_TRIED: u32 = 100;

static NEXT_NUMBER: AtomicU32 = AtomicU32::new(0);

/// Removed when dropped, unless it was renamed.
pub(super) struct TemporaryFile {
    path: PathBuf,
    file: File,
    renamed: bool,
}

impl TemporaryFile {
    /// An empty, locked file of ours beside `target`, with the rights it will have.
    pub(super) fn create_for(target: &Path, access: Access) -> io::Result<Self> {
        let temporary = Self::create(target, access)?;
        // Cannot be held by anybody else but a writer that is about to remove it, and then our rename fails.
        let _ = temporary.file.try_lock();
        Ok(temporary)
    }

    /// Gives the file to the owner of the one that stands at `target`, where we may and should.
    pub(super) fn keep_owner_of(
        &self,
        there: &Metadata,
        target: &Path,
        access: Access,
    ) -> io::Result<()> {
        let ours = (geteuid().as_raw(), getegid().as_raw());
        let owner = (there.uid(), there.gid());
        // Nobody but root can give files away; for all others the new file is their own.
        if !geteuid().is_root() || owner == ours {
            return Ok(());
        }
        if hands_on_nothing(there.mode(), access)
            && guarded::is_kept_by(there.uid(), &fs::metadata(folder::of(target))?)
        {
            fchown(&self.file, Some(there.uid()), Some(there.gid()))?;
        }
        Ok(())
    }

    fn create(target: &Path, access: Access) -> io::Result<Self> {
        let prefix = prefix_for(target)?;
        let mut tried = 0;
        loop {
            let mut name = prefix.clone();
            name.push(format!(
                "{}-{}{SUFFIX}",
                process::id(),
                NEXT_NUMBER.fetch_add(1, Ordering::Relaxed)
            ));
            let path = folder::of(target).join(name);
            tried += 1;
            // `create_new` (O_EXCL) follows no link that somebody may have put there.
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(access.file_mode())
                .open(&path)
            {
                Ok(file) => {
                    return Ok(Self {
                        path,
                        file,
                        renamed: false,
                    });
                }
                Err(error)
                    if error.kind() == ErrorKind::AlreadyExists && tried < MAX_NAMES_TRIED => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(super) fn rename_to(mut self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.renamed = true;
        Ok(())
    }

    /// As [`Self::rename_to`], but an error of kind `AlreadyExists` when there is anything of that name.
    pub(super) fn publish_as(mut self, target: &Path) -> io::Result<()> {
        match renameat_with(CWD, &self.path, CWD, target, RenameFlags::NOREPLACE) {
            Ok(()) => {
                self.renamed = true;
                Ok(())
            }
            // Some file systems cannot rename like that. A second name is made on the same terms; dropping removes
            // the first.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                fs::hard_link(&self.path, target)
            }
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.renamed {
            // What cannot be removed now is removed by the next write.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a crashed durable write of `target` leaves a file of this name beside it, which the next one removes.
#[must_use]
pub fn is_leftover_of(target: &Path, name: &OsStr) -> bool {
    target
        .file_name()
        .is_some_and(|target| target_of(name) == Some(target))
}

/// Removes what crashed writes left in `folder`, of files whose names `is_ours` knows. Whoever gives each file a name of its
/// own calls it: nobody else would. Best effort: a leftover is harmless, but takes room.
pub fn remove_leftovers(folder: &Path, is_ours: impl Fn(&OsStr) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries
        .flatten()
        .filter(|entry| target_of(&entry.file_name()).is_some_and(&is_ours))
    {
        // A file that is still locked belongs to a writer at work. A pipe that somebody put there does not make us wait.
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(NOT_ELSEWHERE)
            .open(entry.path());
        let abandoned = opened.is_ok_and(|file| file.try_lock().is_ok());
        if abandoned {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Removes what crashed writes of `target` left.
pub(super) fn remove_leftovers_of(target: &Path) {
    if let Some(name) = target.file_name() {
        remove_leftovers(folder::of(target), |leftover| leftover == name);
    }
}

/// The name of the file that a temporary file of this name is for: between a dot, and a process number, a counter and the
/// suffix.
fn target_of(name: &OsStr) -> Option<&OsStr> {
    let parts = name.as_bytes().strip_prefix(b".")?;
    let parts = parts.strip_suffix(SUFFIX.as_bytes())?;
    let dot = parts.iter().rposition(|byte| *byte == b'.')?;
    let (target, numbers) = (parts.get(..dot)?, parts.get(dot + 1..)?);
    let (pid, count) = std::str::from_utf8(numbers).ok()?.split_once('-')?;
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(pid) && is_number(count)).then(|| OsStr::from_bytes(target))
}

fn prefix_for(target: &Path) -> io::Result<OsString> {
    let name = target.file_name().ok_or(Errno::ISDIR)?;
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    Ok(prefix)
}

/// Whether its owner learns nothing new from the new file: what others could read before was meant for others, and
/// must not become the secret of whoever happened to own it.
fn hands_on_nothing(mode: u32, access: Access) -> bool {
    access == Access::Readable || mode & RIGHTS_OF_OTHERS == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_temporary_files_of_the_same_target_are_leftovers() {
        let is = |name: &str| is_leftover_of(Path::new("folder/kms.key"), OsStr::new(name));
        assert!(is(".kms.key.1-0.partial"));
        assert!(is(".kms.key.4194304-17.partial"));
        for other in [
            "kms.key",
            ".kms.key.partial",
            ".kms.key.1-.partial",
            ".kms.key.1-0",
            ".kms.key.x-0.partial",
            ".kms.key.1-0.partial.bak",
            ".kms.key.old.1-0.partial",
            ".other.1-0.partial",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
