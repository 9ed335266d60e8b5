//! `console`: one command after the other, on a vault that is opened once.

mod aliases;
mod completion;
mod history;
mod line;

use std::{
    io::{self, IsTerminal as _, Read as _},
    process::ExitCode,
};

use clap::Args;
use rustyline::{Config, Editor, error::ReadlineError, history::MemHistory};

use self::{
    completion::Completion,
    history::{History, may_be_kept},
    line::Typed,
};
use super::{Cli, Command};
use crate::{args::Global, failure, failure::CliError, output, session::Kept, store};

/// A script may have so many bytes.
const MOST_SCRIPT_BYTES: u64 = 1 << 20;

/// Type one command after the other: the vault is opened, or the server connected to, once.
///
/// Commands are written as they follow the name of the program; the tabulator completes them, 'help' lists them, 'help aliases'
/// the names of Canton's console that are understood too, 'exit' or the end of the input ends it. Lines that could hold a secret
/// are not kept in the history, nor are those that begin with a space.
///
/// Without a terminal the input is a script: it ends at the first command that fails, with its exit status.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom console\n  \
    strongroom console --endpoint https://vault.example:5012 \\\n    --client-config client.toml\n  \
    printf 'keys list\\naudit verify\\n' | strongroom console")]
pub(crate) struct Options {}

pub(crate) async fn run(global: &Global, _options: Options) -> anyhow::Result<ExitCode> {
    let console = Console {
        global: Global {
            kept: Kept::new(),
            server: global.server.keeping(),
            ..global.clone()
        },
        prompt: prompt(global)?,
    };
    let ended = if io::stdin().is_terminal() {
        console.converse().await
    } else {
        console.play().await
    };
    console.global.kept.release().await;
    ended
}

/// Names what is worked on.
fn prompt(global: &Global) -> anyhow::Result<String> {
    let name = match global.server.endpoint()? {
        Some(endpoint) => endpoint.to_string(),
        None => global.dir.display().to_string(),
    };
    Ok(format!("strongroom {}> ", output::printable(&name)))
}

/// Whether a line ends the console.
enum Next {
    Line(ExitCode),
    End,
}

struct Console {
    global: Global,
    prompt: String,
}

impl Console {
    /// With somebody at a terminal, who sees what failed and goes on.
    async fn converse(&self) -> anyhow::Result<ExitCode> {
        let mut history = History::open()?;
        let config = Config::builder().auto_add_history(false).build();
        let mut editor = Editor::<Completion, MemHistory>::with_history(config, MemHistory::new())?;
        editor.set_helper(Some(Completion::new()));
        for line in history.lines() {
            editor.add_history_entry(line)?;
        }
        loop {
            let read = tokio::task::block_in_place(|| editor.readline(self.prompt.as_str()));
            let line = match read {
                Ok(line) => line,
                // What was typed so far is dropped, as a shell does.
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(ExitCode::SUCCESS),
                Err(error) => return Err(error.into()),
            };
            // What is no command may be anything, also what was meant for a prompt that hides it.
            let is_command = matches!(line::read(&line), Ok(Typed::Command(_)));
            if is_command && may_be_kept(&line) {
                editor.add_history_entry(&line)?;
                history.keep(&line)?;
            }
            match self.line(&line).await {
                Ok(Next::Line(_status)) => {}
                Ok(Next::End) => return Ok(ExitCode::SUCCESS),
                Err(error) => {
                    let _status = failure::report(&error);
                }
            }
        }
    }

    /// With a script, read whole before its first command: a command may read standard input too, and finds nothing there.
    async fn play(&self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        // Not held any longer: commands may ask for it.
        io::stdin()
            .lock()
            .take(MOST_SCRIPT_BYTES + 1)
            .read_to_end(&mut script)?;
        if script.len() as u64 > MOST_SCRIPT_BYTES {
            return Err(CliError::TooLong {
                what: "the script",
                limit: 1 << 20,
            }
            .into());
        }
        let script = String::from_utf8(script).map_err(|_not_text| CliError::BadEncoding {
            input: "the script".to_owned(),
            encoding: "UTF-8",
        })?;
        for (line, number) in script.lines().zip(1..) {
            let status = match self.line(line).await {
                Ok(Next::Line(status)) => status,
                Ok(Next::End) => break,
                Err(error) => failure::report(&error),
            };
            if status != ExitCode::SUCCESS {
                tracing::info!(line = number, "the script ends here");
                return Ok(status);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn line(&self, line: &str) -> anyhow::Result<Next> {
        let line = match line::read(line)? {
            Typed::Nothing => return Ok(Next::Line(ExitCode::SUCCESS)),
            Typed::Exit => return Ok(Next::End),
            Typed::Aliases => {
                let mut table = Vec::new();
                aliases::write(&mut table)?;
                output::write(&table)?;
                return Ok(Next::Line(ExitCode::SUCCESS));
            }
            Typed::Told(told) => return Ok(Next::Line(failure::report_usage(&told))),
            Typed::Command(line) => line,
        };
        let (global, command) = line.into_parts(&self.global);
        if matches!(command, Command::Console(_)) {
            return Err(CliError::BadArgument {
                value: "console".to_owned(),
                expected: "a command of a console",
            }
            .into());
        }
        let global = if shares_the_vault(&command) {
            global
        } else {
            self.global.kept.release().await;
            Global {
                kept: Kept::default(),
                ..global
            }
        };
        let done = super::run(Cli { global, command }).await;
        // What a command left open because it failed.
        store::close_what_is_open().await;
        done.map(Next::Line)
    }
}

/// Whether a command works on the vault that is open, if it works on one. All others may open it in a way of their own.
const fn shares_the_vault(command: &Command) -> bool {
    matches!(
        command,
        Command::Keys(_)
            | Command::Sign(_)
            | Command::Verify(_)
            | Command::Encrypt(_)
            | Command::Decrypt(_)
            | Command::Approvals(_)
            | Command::Audit(_)
            | Command::WrapperKey(_)
            | Command::Topology(_)
            | Command::Metrics(_)
            | Command::Errors(_)
            | Command::Completions(_)
    )
}
