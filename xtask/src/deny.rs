//! cargo-deny over the whole dependency graph.

use anyhow::{Result, bail};

use crate::program::Program;

/// Runs `cargo deny check`; needs the network for the list of known vulnerabilities.
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
    Program::cargo()
        .args(["deny", "--workspace", "check"])
        .run()
}
