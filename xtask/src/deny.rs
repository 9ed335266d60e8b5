//! cargo-deny over the whole dependency graph.

use anyhow::{Result, bail};

use crate::program::Program;

/// Runs `cargo deny check`. What needs no network comes first; the list of known vulnerabilities is fetched.
pub(crate) fn run() -> Result<()> {
    if Program::cargo()
        .args(["deny", "--version"])
        .try_output()
        .is_none()
    {
        bail!(
            "cargo-deny is not installed. Install it with 'cargo install cargo-deny --locked' and run this again."
        );
    }
    let check = ["deny", "--workspace", "check"];
    for what in [&["licenses", "bans", "sources"][..], &["advisories"]] {
        Program::cargo().args(check).args(what).run()?;
    }
    Ok(())
}
