//! What commands print: a table for people, one JSON document for programs.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp as Moment;
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
        Format::Table => table(&mut printed)?,
    }
    write(&printed)
}

/// Writes all of `bytes` to standard output.
pub(crate) fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|source| CliError::Output { source }.into())
}

/// A table without lines, wide enough for fingerprints to be copied.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table
}

/// RFC 3339 in UTC, to the microsecond.
pub(crate) fn moment(timestamp: Timestamp) -> String {
    Moment::from_microsecond(timestamp.as_micros()).map_or_else(
        |_out_of_range| "-".to_owned(),
        |moment| format!("{moment:.6}"),
    )
}
