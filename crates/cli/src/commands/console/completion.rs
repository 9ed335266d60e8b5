//! Completion, from what clap knows of the commands.

use clap::{Command, CommandFactory as _};
use rustyline::{
    Context, Helper,
    completion::{Completer, FilenameCompleter, Pair},
};

use super::{aliases, line::Line};

/// Completes commands, flags, their values, and names of files.
pub(super) struct Completion {
    commands: Command,
    files: FilenameCompleter,
}

impl Completion {
    pub(super) fn new() -> Self {
        let mut commands = Line::command();
        commands.build();
        Self {
            commands,
            files: FilenameCompleter::new(),
        }
    }

    /// What the last word of `line` may become; none if it may be the name of a file.
    fn candidates(&self, line: &str) -> Option<Vec<String>> {
        let (before, word) = line.rsplit_once(char::is_whitespace).unwrap_or(("", line));
        let words = before.split_whitespace().map(str::to_owned).collect();
        let words = aliases::expanded(words);
        let mut command = &self.commands;
        for word in &words {
            command = command.find_subcommand(word).unwrap_or(command);
        }
        if let Some(values) = words.last().and_then(|last| values_of(command, last)) {
            return values.map(|values| begin_with(values, word));
        }
        if word.starts_with('-') {
            let longs = command.get_arguments().filter(|arg| !arg.is_hide_set());
            let longs = longs.filter_map(|arg| arg.get_long());
            return Some(begin_with(longs.map(|long| format!("--{long}")), word));
        }
        let mut names: Vec<_> = command
            .get_subcommands()
            .filter(|sub| !sub.is_hide_set())
            .map(|sub| sub.get_name().to_owned())
            .collect();
        if words.is_empty() {
            names.extend(aliases::names().map(str::to_owned));
            names.extend(["exit".to_owned(), "help".to_owned()]);
        }
        if names.is_empty() {
            return None;
        }
        Some(begin_with(names, word))
    }
}

/// The values of the flag `flag`, if it takes one: those that there are, or none if it may be anything.
fn values_of(command: &Command, flag: &str) -> Option<Option<Vec<String>>> {
    let long = flag.strip_prefix("--")?;
    let mut args = command.get_arguments();
    let arg = args.find(|arg| arg.get_long() == Some(long))?;
    if !arg.get_action().takes_values() {
        return None;
    }
    let values = arg.get_possible_values();
    let names = values.iter().map(|value| value.get_name().to_owned());
    Some(Some(names.collect()).filter(|names: &Vec<_>| !names.is_empty()))
}

fn begin_with(names: impl IntoIterator<Item = String>, word: &str) -> Vec<String> {
    let mut names: Vec<_> = names
        .into_iter()
        .filter(|name| name.starts_with(word))
        .collect();
    names.sort();
    names.dedup();
    names
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..position).unwrap_or(line);
        let Some(candidates) = self.candidates(before) else {
            return self.files.complete(line, position, context);
        };
        let word = before
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default();
        let pairs = candidates.into_iter().map(|candidate| Pair {
            display: candidate.clone(),
            replacement: format!("{candidate} "),
        });
        Ok((before.len() - word.len(), pairs.collect()))
    }
}

impl rustyline::hint::Hinter for Completion {
    type Hint = String;
}
impl rustyline::highlight::Highlighter for Completion {}
impl rustyline::validate::Validator for Completion {}
impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_flags_and_values_are_completed() {
        let completion = Completion::new();
        let of = |line| completion.candidates(line);
        let some = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(of("wrap"), some(&["wrapper-key"]));
        assert_eq!(
            of("keys gen"),
            some(&["generate-encryption", "generate-signing"])
        );
        assert_eq!(of("keys.secret.l"), some(&["keys.secret.list"]));
        assert_eq!(of("keys list --pur"), some(&["--purpose"]));
        assert_eq!(of("keys list --purpose s"), some(&["signing"]));
        assert_eq!(
            of("keys.secret.generate_signing_key --sp"),
            some(&["--spec"])
        );
        assert_eq!(of("keys list --output j"), some(&["json"]));
        // May be a file.
        assert_eq!(of("keys import node."), None);
        assert_eq!(of("sign message --out m"), None);
    }
}
