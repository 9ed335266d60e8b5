//! What commands print: a table for people, one JSON document for programs.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{self, Write},
};

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp as Moment;
use rustix::{fd::AsFd, io::retry_on_intr};
use serde::Serialize;
use strongroom_crypto::Timestamp;

use crate::{args::Format, failure::CliError};

/// Prints `document` as JSON, or what `table` says.
pub(crate) fn print<D: Serialize>(
    format: Format,
    document: &D,
    table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut printed = Vec::new();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut printed, document)?;
            printed.push(b'\n');
        }
        Format::Table => printed = shown(table)?,
    }
    write(&printed)
}

/// Tells on standard error what `text` says: what people are to read before something is done.
pub(crate) fn tell(text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let text = shown(text)?;
    Ok(io::stderr().lock().write_all(&text)?)
}

/// The lines of `text` without anything that steers a terminal.
fn shown(text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let (mut written, mut shown) = (Vec::new(), Vec::new());
    text(&mut written)?;
    for line in String::from_utf8_lossy(&written).lines() {
        writeln!(shown, "{}", printable(line).trim_end())?;
    }
    Ok(shown)
}

/// Writes all of `bytes` to standard output, past the buffer of the standard library: they may be a secret, and the buffer
/// would keep it.
pub(crate) fn write(bytes: &[u8]) -> anyhow::Result<()> {
    write_all(io::stdout(), bytes).map_err(|source| CliError::Output { source }.into())
}

fn write_all(to: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let length = retry_on_intr(|| rustix::io::write(&to, bytes))?;
        match bytes.get(length..) {
            Some(rest) if length > 0 => bytes = rest,
            _ => return Err(io::ErrorKind::WriteZero.into()),
        }
    }
    Ok(())
}

/// `text` with everything escaped that steers a terminal instead of being shown: control characters, and the marks that
/// turn the direction of writing round, with which one text looks like another.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let steers = |character: char| {
        character.is_control()
            || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if steers(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// How many columns the terminal has that standard output goes to.
pub(crate) fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// A table without lines: on a terminal no wider than that, elsewhere so that every row is one line.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Table {
    table_within(terminal_width(), header, rows)
}

/// The same for this many columns; none for any number.
pub(crate) fn table_within<const N: usize>(
    width: Option<usize>,
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    match width.and_then(|width| u16::try_from(width).ok()) {
        Some(width) => table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    for row in rows {
        table.add_row(row.map(|cell| printable(&cell).into_owned()));
    }
    table
}

/// `1 key`, `2 keys`.
pub(crate) fn counted<N: Copy + Display + From<u8> + PartialEq>(count: N, thing: &str) -> String {
    let end = if count == N::from(1) { "" } else { "s" };
    format!("{count} {thing}{end}")
}

/// RFC 3339 in UTC, to the microsecond.
pub(crate) fn moment(timestamp: Timestamp) -> String {
    Moment::from_microsecond(timestamp.as_micros()).map_or_else(
        |_out_of_range| "-".to_owned(),
        |moment| format!("{moment:.6}"),
    )
}

#[cfg(test)]
mod tests {
    use std::{io::Read, thread};

    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        for (text, shown) in [
            ("node-signing", "node-signing"),
            ("Schlüssel 🔑", "Schlüssel 🔑"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("two\nlines", "two\\nlines"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn a_cell_stays_one_line() {
        let table = table(["NAME"], [["a\n\u{1b}[1mb".to_owned()]]).to_string();
        assert_eq!(table.lines().count(), 2);
        assert!(table.contains("a\\n\\u{1b}[1mb"), "{table}");
    }

    #[test]
    fn a_table_stays_within_the_columns_that_there_are() {
        let row = ["1220".repeat(17), "node-signing".to_owned()];
        let narrow = table_within(Some(60), ["FINGERPRINT", "NAME"], [row.clone()]).to_string();
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 60),
            "{narrow}"
        );
        let wide = table_within(None, ["FINGERPRINT", "NAME"], [row]).to_string();
        assert_eq!(wide.lines().count(), 2, "{wide}");
    }

    #[test]
    fn one_thing_is_no_several() {
        let counts = [0, 1, 2].map(|count| counted(count, "key"));
        assert_eq!(counts, ["0 keys", "1 key", "2 keys"]);
    }

    #[test]
    fn everything_is_written_however_little_the_reader_takes_at_a_time() {
        let (mut reader, writer) = io::pipe().unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        let sent = bytes.clone();
        let sender = thread::spawn(move || write_all(&writer, &sent).unwrap());
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();
        sender.join().unwrap();
        assert!(received == bytes);
    }

    #[test]
    fn a_reader_that_went_away_is_an_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let error = write_all(&writer, b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
