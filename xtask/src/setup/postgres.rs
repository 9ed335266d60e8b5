//! Are the programs of PostgreSQL there?

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::program::Program;

/// Where Debian and its relatives keep each version; they put only clients into the path.
pub(super) const DEBIAN: &str = "/usr/lib/postgresql";

/// The oldest version that does what the tests ask of it: they copy databases by a strategy that they name.
const OLDEST: u32 = 15;

/// Looks into the path, and into the folder of each version.
pub(super) fn check(debian: &Path) -> Result<String, String> {
    let versions = fs::read_dir(debian).into_iter().flatten();
    let installed = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin/postgres")));
    let programs = [PathBuf::from("postgres")].into_iter().chain(installed);
    let found: Vec<String> = programs
        .filter_map(|program| {
            let version = Program::new(program.to_str()?).args(["--version"]);
            version.try_output()
        })
        .collect();
    judge(&found)
}

/// Judges what `postgres --version` printed.
fn judge(found: &[String]) -> Result<String, String> {
    let good = found.iter().find(|line| version(line) >= Some(OLDEST));
    match (good, found.first()) {
        (Some(good), _) => Ok(good.trim().to_owned()),
        (None, Some(old)) => Err(format!("'{}' is older than {OLDEST}", old.trim())),
        (None, None) => Err("there is no program postgres".to_owned()),
    }
}

fn version(line: &str) -> Option<u32> {
    let number = line.strip_prefix("postgres (PostgreSQL) ")?;
    number.split(['.', ' ', '\n']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maintained_version_will_do_and_an_old_one_will_not() {
        let lines = |lines: &[&str]| {
            judge(
                &lines
                    .iter()
                    .map(|line| (*line).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        let (old, new) = (
            "postgres (PostgreSQL) 9.6.24\n",
            "postgres (PostgreSQL) 15.18 (Debian 15.18-0)\n",
        );
        assert_eq!(lines(&[old, new]).unwrap(), new.trim());
        assert_eq!(
            lines(&[old]).unwrap_err(),
            "'postgres (PostgreSQL) 9.6.24' is older than 15"
        );
        assert_eq!(lines(&[]).unwrap_err(), "there is no program postgres");
    }
}
