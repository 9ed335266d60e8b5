//! Where the programs of PostgreSQL are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Where Debian and its relatives keep each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder that has `initdb`, `pg_ctl`, `postgres` and `psql`: in the search path, or the newest of Debian's.
pub(crate) fn folder() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).map(|folder| folder.join("initdb"));
    // A link in the path may lead to a folder with more programs than the path shows.
    let in_path = in_path.filter_map(|program| program.canonicalize().ok());
    let in_path = in_path.filter_map(|program| Some(program.parent()?.to_owned()));
    let found = in_path
        .chain(of_debian(Path::new(DEBIAN)))
        .find(|folder| is_whole(folder));
    found.unwrap_or_else(|| {
        panic!(
            "PostgreSQL is missing: 'cargo xtask setup' or 'apt-get install postgresql' installs it"
        )
    })
}

/// The newest first.
fn of_debian(root: &Path) -> Vec<PathBuf> {
    let versions = fs::read_dir(root).into_iter().flatten();
    let versions =
        versions.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let mut versions: Vec<u32> = versions.collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    let folder = |version: u32| root.join(version.to_string()).join("bin");
    versions.into_iter().map(folder).collect()
}

fn is_whole(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres", "psql"]
        .iter()
        .all(|program| folder.join(program).is_file())
}
