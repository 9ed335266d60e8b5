//! `audit reconcile`: our log of KMS calls beside the cloud's own.

mod calls;
mod cloud;
mod kms_log;
mod matching;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::Timestamp;

use self::{
    calls::{Event, OurCall, key_name},
    cloud::Cloud,
    matching::{Period, Reconciled, reconcile},
};
use crate::{args::Global, exit, failure::CliError, input, output};

/// Compare the log of KMS calls with the one that the cloud keeps
///
/// Listed are uses and changes of the vault's keys in the KMS that this log does not have, so somebody else made them, and
/// those in this log that the cloud does not have. A call is found by the id that the cloud gave it (AWS), or else by key,
/// operation and time. Name the vault's keys in the KMS with --key ('strongroom wrapper-key list' and 'keys list' show them): then
/// other keys are none of its. Without it every key that this log does not name may be one, and is listed. Say with --from and --to of
/// which time the cloud's log is: otherwise it ends with its events, and calls of ours beyond them leave open whether it lacks them.
/// What only one log has within --tolerance of --from or --to is listed apart: the other log of the time beside may have it. No vault
/// is opened. Exit status 0: both agree; 1: they do not, or something is left open: an edge, a key, or the time.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom audit reconcile --kms-log kms.log.2026-01-31 \\\n    --cloudtrail trail/*.json.gz --key arn:aws:kms:…:key/… \\\n    \
    --from 2026-01-31T00:00:00Z --to 2026-02-01T00:00:00Z\n  \
    gcloud logging read 'protoPayload.serviceName=\"cloudkms.googleapis.com\"' \\\n    --format json > gcp.json\n  \
    strongroom audit reconcile --kms-log kms.log.2026-01-31 --gcp gcp.json")]
pub(crate) struct Options {
    /// Files of the KMS log of every process that uses the vault's keys; see `[kms-log]`.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    kms_log: Vec<PathBuf>,
    #[command(flatten)]
    cloud: CloudFiles,
    /// All keys of the vault in that KMS, by their ids, ARNs or resource names; others are then not the vault's.
    #[arg(long = "key", value_name = "ID", num_args = 1..)]
    keys: Vec<String>,
    /// When the cloud's log begins; needed if it has no event [default: with its first].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// When it ends; needed if it has no event [default: with its last].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// By how much the clocks may differ, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    tolerance: u32,
}

/// What the cloud wrote.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct CloudFiles {
    /// Files of AWS CloudTrail as it delivers them (.json.gz) or unpacked, what `aws cloudtrail lookup-events` printed, or a record per
    /// line.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    cloudtrail: Vec<PathBuf>,
    /// Files of Google's Cloud Audit Logs, data access included: an array, or an entry per line; perhaps packed by gzip.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    gcp: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    agree: bool,
    /// Calls of ours that the cloud has too.
    matched: u64,
    /// What the cloud has of the vault's keys and this log does not.
    not_ours: Vec<EventView>,
    /// What may be calls of ours that got no answer, but by somebody who made none of ours that did.
    perhaps_ours: Vec<EventView>,
    /// What this log has and the cloud does not.
    not_theirs: Vec<CallView>,
    /// Like those, within the tolerance of --from or --to: the logs of the time beside may have the counterpart.
    not_ours_at_edge: Vec<EventView>,
    not_theirs_at_edge: Vec<CallView>,
    /// Calls in this log at times that the cloud's log does not cover.
    not_covered: u64,
    /// Those of them before the first or after the last event of the cloud, where --from or --to does not leave them out.
    undecided: u64,
    /// Events of the cloud about keys that are not the vault's.
    other_keys: u64,
    /// Keys that the cloud's log names and this one does not, where nobody said which are the vault's.
    unknown_keys: Vec<String>,
}

#[derive(Serialize)]
struct EventView {
    time: String,
    operation: String,
    keys: Vec<String>,
    by: String,
    event_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    failed: bool,
}

#[derive(Serialize)]
struct CallView {
    time: String,
    operation: String,
    keys: Vec<String>,
    kms: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

fn moment(text: &str) -> Result<Timestamp, CliError> {
    let moment = text.parse::<jiff::Timestamp>();
    moment
        .map(|moment| Timestamp::from_micros(moment.as_microsecond()))
        .map_err(|_not_a_time| CliError::BadArgument {
            value: text.to_owned(),
            expected: "a time, as in 2026-01-31T12:00:00Z",
        })
}

pub(super) fn run(global: &Global, options: &Options) -> anyhow::Result<ExitCode> {
    let (cloud, files) = match options.cloud.cloudtrail.as_slice() {
        [] => (Cloud::Gcp, &options.cloud.gcp),
        _ => (Cloud::Aws, &options.cloud.cloudtrail),
    };
    input::refuse_stdin_twice(files.iter().chain(&options.kms_log).map(PathBuf::as_path))?;
    let mut calls = Vec::new();
    for path in &options.kms_log {
        calls.extend(kms_log::read(cloud, input::open(path)?, path)?);
    }
    let mut events = Vec::new();
    for path in files {
        events.extend(cloud.read(input::open(path)?, path)?);
    }
    let (said, tolerance) = ((options.from, options.to), i64::from(options.tolerance));
    let period = Period::of(&events, said, tolerance * 1_000_000)?;
    let named: Vec<_> = options.keys.iter().map(|key| key_name(key)).collect();
    let report = Report::of(reconcile(calls, events, &named, &period));
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::from(if report.agree { 0 } else { exit::NO }))
}

/// As they are shown.
fn views<T, V: From<T>>(found: Vec<T>) -> Vec<V> {
    found.into_iter().map(V::from).collect()
}

impl Report {
    fn of(found: Reconciled) -> Self {
        Self {
            agree: found.not_ours.is_empty()
                && found.perhaps_ours.is_empty()
                && found.not_theirs.is_empty()
                && found.not_ours_at_edge.is_empty()
                && found.not_theirs_at_edge.is_empty()
                && found.undecided == 0
                && found.unknown_keys.is_empty(),
            matched: found.matched,
            not_ours: views(found.not_ours),
            perhaps_ours: views(found.perhaps_ours),
            not_theirs: views(found.not_theirs),
            not_ours_at_edge: views(found.not_ours_at_edge),
            not_theirs_at_edge: views(found.not_theirs_at_edge),
            not_covered: found.not_covered,
            undecided: found.undecided,
            other_keys: found.other_keys,
            unknown_keys: found.unknown_keys.into_iter().collect(),
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{} in both logs",
            output::counted(self.matched, "call")
        )?;
        writeln!(
            out,
            "{} outside of the time that the cloud's log covers, {} about keys that are not the vault's",
            output::counted(self.not_covered, "call"),
            output::counted(self.other_keys, "event")
        )?;
        if self.undecided > 0 {
            writeln!(
                out,
                "\n{} before its first event or after its last: the cloud lacks them, or its log is of another time. Say of which, with \
                 --from and --to.",
                output::counted(self.undecided, "call")
            )?;
        }
        write_events(
            out,
            "Somebody else used or changed keys of the vault:",
            &self.not_ours,
        )?;
        write_events(
            out,
            "These may be calls of ours that got no answer, but nobody knows of any other of ours by whom they are. Look who that is:",
            &self.perhaps_ours,
        )?;
        write_calls(
            out,
            "The cloud's log lacks calls of ours:",
            &self.not_theirs,
        )?;
        write_events(
            out,
            "Near --from or --to somebody used or changed keys of the vault. Look for these in the KMS log of the time beside:",
            &self.not_ours_at_edge,
        )?;
        write_calls(
            out,
            "Near --from or --to the cloud's log lacks calls of ours. Look for these in its log of the time beside:",
            &self.not_theirs_at_edge,
        )?;
        if !self.unknown_keys.is_empty() {
            writeln!(
                out,
                "\nThese were used too. Say which are the vault's, all of them, with --key:"
            )?;
            for key in &self.unknown_keys {
                writeln!(out, "{key}")?;
            }
        }
        Ok(())
    }
}

fn write_events(out: &mut dyn Write, title: &str, events: &[EventView]) -> io::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    let rows = events.iter().map(|event| {
        let failed = if event.failed { "failed" } else { "-" };
        [
            event.time.clone(),
            event.operation.clone(),
            event.by.clone(),
            event.keys.join(" "),
            event.event_id.clone(),
            failed.to_owned(),
        ]
    });
    let header = ["TIME", "OPERATION", "BY", "KEY", "EVENT", "OUTCOME"];
    writeln!(out, "{}", output::table(header, rows))
}

fn write_calls(out: &mut dyn Write, title: &str, calls: &[CallView]) -> io::Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    let rows = calls.iter().map(|call| {
        [
            call.time.clone(),
            call.operation.clone(),
            call.kms.clone(),
            call.keys.join(" "),
            call.request_id.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    let header = ["TIME", "OPERATION", "KMS", "KEY", "REQUEST"];
    writeln!(out, "{}", output::table(header, rows))
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            time: output::moment(event.time),
            operation: event.operation,
            keys: event.keys,
            by: event.by,
            event_id: event.id,
            request_id: event.request_id,
            failed: event.failed,
        }
    }
}

impl From<OurCall> for CallView {
    fn from(call: OurCall) -> Self {
        Self {
            time: output::moment(call.begun),
            operation: call.operations.first().copied().unwrap_or("?").to_owned(),
            keys: call.keys,
            kms: call.kms,
            request_id: call.request_id,
        }
    }
}
