//! Which user is on the other end of a socket.

use std::{fs, sync::OnceLock};

/// What the system has where it was told nothing else.
const USUAL: u32 = 65534;

/// The user `uid`, as the system names the other end of a socket, if that is somebody.
///
/// To a process in a user namespace (`PrivateUsers=` of systemd, rootless containers) the system tells every user from outside
/// as one and the same, the *overflow user*, mostly `nobody`. Who is known by it could be anybody.
#[must_use]
pub fn known_user(uid: u32) -> Option<u32> {
    static OVERFLOW: OnceLock<u32> = OnceLock::new();
    let overflow = *OVERFLOW.get_or_init(|| {
        let said = fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
        said.and_then(|said| said.trim().parse().ok())
            .unwrap_or(USUAL)
    });
    (uid != overflow).then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_who_stands_for_all_that_are_unknown_is_nobody() {
        let overflow = fs::read_to_string("/proc/sys/kernel/overflowuid").unwrap();
        assert_eq!(known_user(overflow.trim().parse().unwrap()), None);
        assert_eq!(known_user(0), Some(0));
        assert_eq!(known_user(990), Some(990));
    }
}
