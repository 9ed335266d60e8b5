//! docs/cli.md: the help of every command.

use anyhow::Result;

const HEAD: &str = "\
# The command line

<!-- Written by `cargo xtask codegen` from the program's own help; change the help instead. -->
";

/// Walks the commands, depth first, in the order in which the program lists them.
///
/// `help` gives the help of the command at a path; the empty path is the program.
pub(super) fn generate(help: impl Fn(&[String]) -> Result<String>) -> Result<String> {
    let mut document = HEAD.to_owned();
    let mut waiting = vec![Vec::new()];
    while let Some(path) = waiting.pop() {
        let text = help(&path)?;
        document.push_str(&section(&path, &text));
        let children = commands(&text)
            .into_iter()
            .map(|name| [path.clone(), vec![name]].concat());
        waiting.extend(children.collect::<Vec<_>>().into_iter().rev());
    }
    Ok(document)
}

fn section(path: &[String], help: &str) -> String {
    let title = [&["strongroom".to_owned()], path].concat().join(" ");
    let level = "#".repeat((path.len() + 2).min(4));
    let lines: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    format!(
        "\n{level} `{title}`\n\n```text\n{}\n```\n",
        lines.join("\n")
    )
}

/// The commands that a help text lists, without `help` itself.
fn commands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .filter_map(listed)
        .filter(|name| name != "help")
        .collect()
}

/// The name in a line of a list; a line that continues a description is indented further.
fn listed(line: &str) -> Option<String> {
    let entry = line.strip_prefix("  ")?;
    let name = entry.split(' ').next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "\
Keeps keys.

Usage: strongroom <COMMAND>

Commands:
  keys  Generate keys, list them, and so on and on until the
        line is full
  sign
          Sign a file

  help  Print this message

Options:
  -h, --help  Print help
";

    fn help(path: &[String]) -> Result<String> {
        Ok(match path.join(" ").as_str() {
            "" => PROGRAM,
            "keys" => "Keys.\n\nCommands:\n  list  List keys\n  help  Print this\n",
            "keys list" => "List keys   \n\nUsage: strongroom keys list\n",
            "sign" => "Sign a file\n",
            other => anyhow::bail!("unexpected {other}"),
        }
        .to_owned())
    }

    #[test]
    fn only_the_lines_of_the_list_are_commands() {
        assert_eq!(commands(PROGRAM), ["keys", "sign"]);
        assert!(commands("Usage: strongroom sign\n\nOptions:\n  -h\n").is_empty());
    }

    #[test]
    fn every_command_gets_a_section_below_its_parent() {
        let document = generate(help).unwrap();
        let titles: Vec<_> = document
            .lines()
            .filter(|line| line.starts_with("##"))
            .collect();
        assert_eq!(
            titles,
            [
                "## `strongroom`",
                "### `strongroom keys`",
                "#### `strongroom keys list`",
                "### `strongroom sign`"
            ]
        );
    }

    #[test]
    fn spaces_at_the_end_of_lines_are_dropped() {
        let document = generate(help).unwrap();
        assert!(
            document.contains("```text\nList keys\n\nUsage: strongroom keys list\n```\n"),
            "{document}"
        );
    }
}
