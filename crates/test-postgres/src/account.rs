//! As whom the server runs: PostgreSQL refuses to be root.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
    process::Command,
};

/// The account of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Account {
    /// Whoever runs the tests.
    Own,
    /// Another one, since root runs the tests.
    Other { uid: u32, gid: u32 },
}

/// Accounts that are there for such things, in the order in which they are taken.
const NAMES: [&str; 2] = ["postgres", "nobody"];

impl Account {
    pub(crate) fn find() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::Own;
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap();
        let found = NAMES.into_iter().find_map(|name| of_name(&accounts, name));
        found.unwrap_or_else(|| {
            panic!("PostgreSQL does not run as root, and there is neither an account postgres nor nobody")
        })
    }

    /// Makes `command` run as this account.
    pub(crate) fn runs(self, command: &mut Command) -> &mut Command {
        match self {
            Self::Own => command,
            Self::Other { uid, gid } => command.uid(uid).gid(gid),
        }
    }

    /// Gives `folder` to this account.
    pub(crate) fn owns(self, folder: &Path) {
        if let Self::Other { uid, gid } = self {
            chown(folder, Some(uid), Some(gid)).unwrap();
        }
    }
}

fn of_name(accounts: &str, name: &str) -> Option<Account> {
    accounts.lines().find_map(|line| {
        let mut parts = line.split(':');
        if parts.next()? != name {
            return None;
        }
        let uid = parts.nth(1)?.parse().ok()?;
        let gid = parts.next()?.parse().ok()?;
        Some(Account::Other { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:8::/:\npostgres:x:101:104:,,,:/:\n";
        let found = of_name(accounts, "postgres");
        assert!(matches!(found, Some(Account::Other { uid: 101, gid: 104 })));
        assert!(of_name(accounts, "nobody").is_none());
    }
}
