//! `audit export`.

use std::{io, path::PathBuf, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_files::{Access, FileError};
use strongroom_vault::{AuditExport, AuditKeyUse};
use tokio::sync::mpsc;

use crate::{
    args::Global,
    output, progress,
    session::{self, Session},
};

/// Parts read ahead of the one that is being written.
const READ_AHEAD: usize = 4;

/// Write the audit log to a new file, as lines of JSON, for auditors
///
/// First the audit key signs a checkpoint, which vouches for every record before it. Whoever has the public half of that key
/// and a head of the log from elsewhere verifies the file without the vault.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom audit export audit.jsonl\n  \
    strongroom audit verify --export audit.jsonl --audit-key audit.pem \\\n    --anchor anchor.json")]
pub(crate) struct Options {
    /// Where to; there must be nothing yet.
    file: PathBuf,
}

#[derive(Serialize)]
struct Report {
    file: String,
    records: u64,
    head: String,
    audit_keys: Vec<AuditKeyUse>,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    let spinner = progress::spinner(global, "exporting the audit log");
    let written = write(&session, &options.file).await;
    spinner.finish_and_clear();
    session.close().await;
    let export = written?;
    let report = Report {
        file: options.file.display().to_string(),
        records: export.head().records,
        head: export.head().to_string(),
        audit_keys: export.keys(),
    };
    output::print(global.output, &report, |out| {
        let records = output::counted(report.records, "record");
        writeln!(out, "{}: {records}", report.file)?;
        writeln!(out, "head      {}", report.head)?;
        for key in &report.audit_keys {
            writeln!(out, "audit key {}", key.fingerprint)?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Reads on this task and writes on a thread: the file is whole and durable, or not there.
async fn write(session: &Session, path: &std::path::Path) -> anyhow::Result<AuditExport> {
    let mut export = session.vault.export_audit(&session.caller).await?;
    let (parts, queue) = mpsc::channel(READ_AHEAD);
    let path = path.to_owned();
    let writing = tokio::task::spawn_blocking(move || write_parts(&path, queue));
    let read = async {
        loop {
            let part = export.next().await?;
            let is_last = part.is_none();
            // Nobody listens when writing failed, which is what is told then.
            if parts.send(part).await.is_err() || is_last {
                return anyhow::Ok(());
            }
        }
    };
    let read = read.await;
    drop(parts);
    let written = match writing.await {
        Ok(written) => written,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    read?;
    written?;
    Ok(export)
}

/// A queue that ends without an end was given up.
fn write_parts(
    path: &std::path::Path,
    mut queue: mpsc::Receiver<Option<Vec<u8>>>,
) -> Result<(), FileError> {
    let files = session::files();
    files.stream_new_durably(path, Access::OwnerOnly, &mut |out| {
        loop {
            match queue.blocking_recv() {
                Some(Some(part)) => out.write_all(&part)?,
                Some(None) => return Ok(()),
                None => return Err(io::Error::other("the log could not be read to its end")),
            }
        }
    })
}
