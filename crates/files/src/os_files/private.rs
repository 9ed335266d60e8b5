//! Files that nobody else can read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;
use strongroom_memory::SecretBytes;

use crate::{FileAction, FileError};

/// The most that [`Files::read_private`](crate::Files::read_private) reads: 1 MiB. Key files and passphrases are far
/// smaller; a mistaken path to something huge must not fill the locked memory.
pub const MAX_PRIVATE_FILE_BYTES: usize = 1 << 20;

pub(super) const RIGHTS_OF_OTHERS: u32 = 0o077;
pub(super) const PERMISSION_BITS: u32 = 0o7777;

/// Reads an opened file after checking that very file.
pub(super) fn read(file: &mut File, path: &Path) -> Result<SecretBytes, FileError> {
    let metadata = file
        .metadata()
        .map_err(|source| FileError::of(FileAction::Inspect, path, source))?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
        });
    }
    check(metadata.uid(), metadata.mode(), path)?;
    let too_large = || FileError::TooLarge {
        path: path.to_owned(),
        limit_bytes: MAX_PRIVATE_FILE_BYTES,
    };
    let expected = usize::try_from(metadata.size()).unwrap_or(usize::MAX);
    if expected > MAX_PRIVATE_FILE_BYTES {
        return Err(too_large());
    }
    read_at_most(file, expected).map_err(|source| FileError::of(FileAction::Read, path, source))
}

/// Refuses what others have rights on. Root may use what any user owns, and what root owns anybody may use.
pub(super) fn check(owner: u32, mode: u32, path: &Path) -> Result<(), FileError> {
    check_as(geteuid().as_raw(), owner, mode, path)
}

fn check_as(user: u32, owner: u32, mode: u32, path: &Path) -> Result<(), FileError> {
    const ROOT: u32 = 0;
    if user != ROOT && ![user, ROOT].contains(&owner) {
        return Err(FileError::NotOurs {
            path: path.to_owned(),
            owner,
        });
    }
    if mode & RIGHTS_OF_OTHERS != 0 {
        return Err(FileError::NotPrivate {
            path: path.to_owned(),
            mode: mode & PERMISSION_BITS,
        });
    }
    Ok(())
}

/// Straight into locked memory: a buffered reader would keep a copy. Our own writes replace files whole, so a file
/// does not grow while it is open; what a foreign writer appends meanwhile is not read.
fn read_at_most(file: &mut File, len: usize) -> io::Result<SecretBytes> {
    let mut secret = SecretBytes::zeroed(len);
    let mut filled = 0;
    // EXPOSE: filled in place.
    while let Some(rest) = secret
        .expose_mut()
        .get_mut(filled..)
        .filter(|rest| !rest.is_empty())
    {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    secret.truncate(filled);
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_files_and_those_of_root_without_rights_for_others_are_private() {
        let check = |user, owner, mode| check_as(user, owner, 0o100_000 | mode, Path::new("key"));
        for mode in [0o600, 0o400, 0o700, 0o4600, 0o000] {
            assert!(check(1000, 1000, mode).is_ok(), "{mode:o}");
        }
        for mode in [0o601, 0o602, 0o604, 0o610, 0o620, 0o640, 0o666] {
            assert!(
                matches!(check(1000, 1000, mode), Err(FileError::NotPrivate { mode: told, .. }) if told == mode)
            );
        }
        assert!(check(1000, 0, 0o600).is_ok());
        assert!(check(0, 1000, 0o600).is_ok());
        assert!(matches!(
            check(0, 1000, 0o640),
            Err(FileError::NotPrivate { .. })
        ));
        assert!(matches!(
            check(1000, 1001, 0o600),
            Err(FileError::NotOurs { owner: 1001, .. })
        ));
    }
}
