//! Everything that must pass, cheap steps first.

use std::env;

use anyhow::Result;

use crate::{
    codegen, documents::Mode, kms_matrix::Recording, program::Program, setup, steps::Steps, tidy,
};

/// Runs everything with plain cargo; the first failure ends it.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::begin();
    steps.run("setup", setup::run)?;
    steps.run("format", || cargo(&["fmt", "--all", "--check"]).run())?;
    steps.run("tidy", tidy::run)?;
    // Lints come before tests and in the same profile: build scripts and procedural macros are built once for both.
    steps.run("lints", || {
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
        .run()
    })?;
    steps.run("documentation", document)?;
    let recording = Recording::begin()?;
    steps.run("tests", || {
        let tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
        recording.watch(tests).run()
    })?;
    steps.run("generated files", || {
        recording.settle(Mode::Check)?;
        codegen::run(Mode::Check)
    })?;
    println!("\n{}", steps.summary());
    Ok(())
}

fn document() -> Result<()> {
    let flags = denying_warnings(env::var("RUSTDOCFLAGS").ok().as_deref());
    cargo(&["doc", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", flags)
        .run()
}

/// The user's own flags stay.
fn denying_warnings(flags: Option<&str>) -> String {
    format!("{} -D warnings", flags.unwrap_or_default())
        .trim_start()
        .to_owned()
}

fn cargo(args: &[&str]) -> Program {
    Program::cargo().args(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_denied_beside_the_flags_of_the_user() {
        assert_eq!(denying_warnings(None), "-D warnings");
        assert_eq!(
            denying_warnings(Some("--cfg docsrs")),
            "--cfg docsrs -D warnings"
        );
    }
}
