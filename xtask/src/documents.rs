//! Documents that are generated and committed.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// What to do with a document that is not up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Fail.
    Check,
}

/// Writes or checks the document at `name`, a path below the root. `remedy` is the command that writes it.
pub(crate) fn settle(mode: Mode, name: &Path, text: &str, remedy: &str) -> Result<()> {
    let path = workspace::root().join(name);
    let name = name.display();
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == text {
        println!("{name}: up to date");
        return Ok(());
    }
    match mode {
        Mode::Check => {
            bail!("{name} is not what it should be now. Run '{remedy}' and commit the change.")
        }
        Mode::Write => {
            fs::write(&path, text).with_context(|| format!("{name} cannot be written"))?;
            println!("{name}: written");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_writes_nothing_and_names_the_remedy() {
        let path = std::env::temp_dir().join(format!("xtask-documents-{}.md", std::process::id()));
        let settled = |mode| settle(mode, &path, "new", "cargo xtask anew");
        let error = settled(Mode::Check).unwrap_err();
        assert!(error.to_string().contains("cargo xtask anew"), "{error}");
        assert!(!path.exists());
        settled(Mode::Write).unwrap();
        settled(Mode::Check).unwrap();
        fs::remove_file(&path).unwrap();
    }
}
