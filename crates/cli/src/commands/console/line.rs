//! A line of a console.

use clap::Parser;

use super::aliases;
use crate::{
    args::{Format, Global},
    commands::Command,
    failure::CliError,
};

/// A line: a command, as it follows the name of the program. What is said of the vault or of a server is said to the console.
#[derive(Debug, Parser)]
#[command(
    name = "strongroom",
    no_binary_name = true,
    disable_version_flag = true,
    max_term_width = 110
)]
pub(crate) struct Line {
    /// A table for people, or one JSON document for programs.
    #[arg(long, global = true, value_enum)]
    output: Option<Format>,
    /// Show no progress.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Go on without the second person that the configuration asks for, and say why.
    #[arg(long, global = true, value_name = "REASON")]
    break_glass: Option<String>,
    #[command(subcommand)]
    command: Command,
}

/// What somebody typed.
pub(super) enum Typed {
    Nothing,
    /// To end the console.
    Exit,
    /// The names of Canton's console.
    Aliases,
    Command(Box<Line>),
    /// What clap has to say: help, or what is wrong.
    Told(Box<clap::Error>),
}

impl Line {
    /// The command, and what it works on.
    pub(super) fn into_parts(self, global: &Global) -> (Global, Command) {
        let global = Global {
            output: self.output.unwrap_or(global.output),
            quiet: self.quiet || global.quiet,
            // Said once, for one command.
            break_glass: self.break_glass,
            ..global.clone()
        };
        (global, self.command)
    }
}

/// The words of a line, as a shell splits them; a `#` begins a comment.
pub(super) fn words(line: &str) -> Result<Vec<String>, CliError> {
    shlex::split(line).ok_or_else(|| CliError::BadArgument {
        value: "the line".to_owned(),
        expected: "complete: a quote is open, or nothing follows a backslash",
    })
}

/// Reads a line.
pub(super) fn read(line: &str) -> Result<Typed, CliError> {
    let mut words = words(line)?;
    // Whoever copies an example brings the name of the program along.
    if words.first().is_some_and(|word| word == "strongroom") {
        words.remove(0);
    }
    if let Some((name, why)) = aliases::not_here(&words) {
        return Err(CliError::NotHere { name, why });
    }
    let words = aliases::expanded(words);
    let plain: Vec<_> = words.iter().map(String::as_str).collect();
    Ok(match plain.as_slice() {
        [] => Typed::Nothing,
        ["exit" | "quit"] => Typed::Exit,
        ["help", "aliases"] => Typed::Aliases,
        command => match Line::try_parse_from(command) {
            Ok(line) => Typed::Command(Box::new(line)),
            Err(told) => Typed::Told(Box::new(told)),
        },
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_of_a_line_are_those_of_the_program() {
        Line::command().debug_assert();
    }

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        let words = words("keys list --name 'my key' # all of them").unwrap();
        assert_eq!(words, ["keys", "list", "--name", "my key"]);
        assert!(matches!(
            read("keys list --name 'my"),
            Err(CliError::BadArgument { .. })
        ));
        assert!(matches!(read("  # nothing"), Ok(Typed::Nothing)));
    }

    #[test]
    fn a_name_that_has_no_command_is_refused_with_the_reason() {
        for line in [
            "topology.transactions.propose",
            "strongroom topology.transactions.propose --help",
        ] {
            let Err(refused) = read(line) else {
                panic!("{line}");
            };
            let told = refused.to_string();
            assert!(told.contains("topology.transactions.propose"), "{told}");
            assert!(told.contains("'topology delegate'"), "{told}");
        }
    }

    #[test]
    fn a_console_names_its_vault_once() {
        assert!(matches!(read("keys list --dir other"), Ok(Typed::Told(_))));
        assert!(matches!(
            read("strongroom keys list"),
            Ok(Typed::Command(_))
        ));
        assert!(matches!(
            read("keys.secret.list --output json"),
            Ok(Typed::Command(_))
        ));
    }
}
