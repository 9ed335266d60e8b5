//! The files of backups on a schedule, by their names.

use std::{
    ffi::OsStr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use strongroom_crypto::Timestamp;
use strongroom_store::BackupId;

use crate::{background::on_a_thread, backups::Backup};

const PREFIX: &str = "strongroom-";
const SUFFIX: &str = ".backup";

/// When it was made, for people and for their sorting, and the id that nobody else has.
pub(super) fn name(id: BackupId, at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
    format!("{PREFIX}{}-{id}{SUFFIX}", at.strftime("%Y%m%dT%H%M%SZ"))
}

/// Whether some schedule gives such names.
pub(super) fn is_name(name: &OsStr) -> bool {
    let parts = name
        .to_str()
        .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX))
        .and_then(|parts| parts.split_once('-'));
    let is_hex = |id: &str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.is_some_and(|(_at, id)| is_hex(id))
}

/// Those of the backups whose file a schedule put into the folder and which is there, the newest first. The folder may be one
/// that makes its readers wait.
pub(super) async fn kept_in(folder: &Path, mut backups: Vec<Backup>) -> Vec<(Backup, PathBuf)> {
    let folder = folder.to_owned();
    let look = move || {
        backups.sort_by_key(|backup| std::cmp::Reverse((backup.created_at, backup.id)));
        let files = backups.into_iter().map(|backup| {
            let file = folder.join(name(backup.id, backup.created_at));
            (backup, file)
        });
        files.filter(|(_, file)| file.is_file()).collect()
    };
    on_a_thread(look).await
}

/// Those beyond the number that is kept, the newest verified one never among them.
pub(super) fn surplus(
    kept: Vec<(Backup, PathBuf)>,
    last_verified: Option<BackupId>,
    keep: NonZeroUsize,
) -> impl Iterator<Item = (BackupId, PathBuf)> {
    let files = kept.into_iter().map(|(backup, file)| (backup.id, file));
    files
        .skip(keep.get())
        .filter(move |(id, _)| Some(*id) != last_verified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_when_and_which() {
        let id = BackupId::from_bytes([0xab; 16]);
        let at = Timestamp::from_micros(1_800_000_000_000_000);
        let id_text = "ab".repeat(16);
        let name = name(id, at);
        assert_eq!(
            name,
            format!("strongroom-20270115T080000Z-{id_text}.backup")
        );
        assert!(is_name(OsStr::new(&name)));
        for other in [
            "vault.backup",
            "strongroom-1-2.backup",
            &name[1..],
            &name[..60],
        ] {
            assert!(!is_name(OsStr::new(other)), "{other}");
        }
    }
}
