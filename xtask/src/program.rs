//! Programs that the tasks run.

use std::{
    env,
    ffi::{OsStr, OsString},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A program, its arguments and environment, about to be run in the root of the workspace.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    line: String,
}

impl Program {
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let line = name.as_ref().to_string_lossy().into_owned();
        let mut command = Command::new(name);
        command.current_dir(workspace::root());
        Self { command, line }
    }

    /// The cargo that runs this task, with the environment that the user gave it.
    ///
    /// `cargo run` tells the program that it starts about its own package. A nested cargo that saw these variables could
    /// take them for changed inputs of build scripts, and build everything twice.
    pub(crate) fn cargo() -> Self {
        let mut program =
            Self::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        "cargo".clone_into(&mut program.line);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(is_of_our_package) {
                program.command.env_remove(name);
            }
        }
        program
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        for arg in args {
            self.line.push(' ');
            self.line.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it in view of the user.
    pub(crate) fn run(mut self) -> Result<()> {
        println!("$ {}", self.line);
        let status = self
            .command
            .status()
            .with_context(|| format!("'{}' could not be started", self.line))?;
        if !status.success() {
            bail!("'{}' failed ({status})", self.line);
        }
        Ok(())
    }

    /// Runs it unseen and returns what it printed to standard output; errors go to the user.
    pub(crate) fn output(mut self) -> Result<String> {
        self.command.stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = self
            .command
            .output()
            .with_context(|| format!("'{}' could not be started", self.line))?;
        if !output.status.success() {
            bail!("'{}' failed ({})", self.line, output.status);
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("'{}' did not print UTF-8", self.line))
    }

    /// What it prints to standard output; none when it is not there or fails.
    pub(crate) fn try_output(mut self) -> Option<String> {
        self.command.stdin(Stdio::null()).stderr(Stdio::null());
        let output = self.command.output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn is_of_our_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
        || [
            "CARGO_BIN_NAME",
            "CARGO_CRATE_NAME",
            "CARGO_PRIMARY_PACKAGE",
        ]
        .contains(&variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        let error = Program::new("no-such-program-here")
            .args(["--version"])
            .run()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "'no-such-program-here --version' could not be started"
        );
        assert_eq!(Program::new("no-such-program-here").try_output(), None);
    }

    #[test]
    fn a_failure_is_told_with_the_whole_command_line() {
        let error = Program::new("sh").args(["-c", "exit 3"]).run().unwrap_err();
        assert_eq!(error.to_string(), "'sh -c exit 3' failed (exit status: 3)");
    }

    #[test]
    fn settings_of_the_user_reach_nested_cargo() {
        for kept in [
            "CARGO_TARGET_DIR",
            "CARGO_HOME",
            "CARGO_BUILD_JOBS",
            "RUSTFLAGS",
            "CI",
        ] {
            assert!(!is_of_our_package(kept), "{kept}");
        }
        for dropped in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_BIN_NAME"] {
            assert!(is_of_our_package(dropped), "{dropped}");
        }
    }
}
