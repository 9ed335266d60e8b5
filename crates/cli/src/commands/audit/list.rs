//! `audit list`.

use std::{borrow::Cow, collections::VecDeque, io, process::ExitCode};

use clap::Args;
use serde::{
    Deserialize as _, Serialize,
    de::{self, IntoDeserializer as _},
};
use strongroom_crypto::{
    Timestamp,
    clock::{Clock as _, SystemClock},
};
use strongroom_vault::{AuditEntry, AuditOperation};

use crate::{args::Global, client::Client, failure::CliError, output};

/// List the records, oldest first
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom audit list --operation export_key --since 24h\n  \
    strongroom audit list --output json | jq '.records[-1]'")]
pub(crate) struct Options {
    /// Only the newest N.
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    #[command(flatten)]
    filter: Filter,
}

/// Which records; all conditions must hold.
#[derive(Args, Clone, Debug)]
pub(super) struct Filter {
    /// Only those of keys whose fingerprint begins so.
    #[arg(long, value_name = "FINGERPRINT", value_parser = beginning)]
    key: Option<String>,
    /// Only those of this caller.
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// Only those of this operation, for example export_key; a name that there is not is answered with all that there are.
    #[arg(long, value_name = "NAME", value_parser = operation)]
    operation: Option<AuditOperation>,
    /// Only those since then: a time, as in 2026-01-31T12:00:00Z, or how long ago, as in 24h.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Since>,
}

/// A misspelt name would find nothing, as if nothing had been done.
fn operation(name: &str) -> Result<AuditOperation, de::value::Error> {
    AuditOperation::deserialize(name.into_deserializer())
}

fn beginning(text: &str) -> Result<String, CliError> {
    let digits = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if digits && (text.starts_with("1220") || "1220".starts_with(text)) {
        return Ok(text.to_owned());
    }
    Err(CliError::BadArgument {
        value: text.to_owned(),
        expected: "the beginning of a fingerprint: 1220, and small hexadecimal digits",
    })
}

/// A moment, or how long ago it was.
#[derive(Clone, Copy, Debug)]
pub(super) enum Since {
    At(Timestamp),
    Ago(jiff::SignedDuration),
}

fn moment(text: &str) -> Result<Since, CliError> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(Since::At(Timestamp::from_micros(moment.as_microsecond())));
    }
    text.parse()
        .map(Since::Ago)
        .map_err(|_neither| CliError::BadArgument {
            value: text.to_owned(),
            expected: "a time, as in 2026-01-31T12:00:00Z, or a duration, as in 24h",
        })
}

impl Filter {
    /// Whether nothing is asked for.
    pub(super) fn takes_all(&self) -> bool {
        self.key.is_none()
            && self.caller.is_none()
            && self.operation.is_none()
            && self.since.is_none()
    }

    pub(super) fn matches(&self, entry: &AuditEntry, now: Timestamp) -> bool {
        let since = self.since.is_none_or(|since| {
            let micros = match since {
                Since::At(time) => i128::from(time.as_micros()),
                Since::Ago(span) => i128::from(now.as_micros()) - span.as_micros(),
            };
            i128::from(entry.time_micros) >= micros
        });
        let key = |wanted: &String| {
            entry
                .key
                .as_ref()
                .is_some_and(|key| key.starts_with(wanted))
        };
        since
            && self.key.as_ref().is_none_or(key)
            && self
                .caller
                .as_ref()
                .is_none_or(|name| *name == entry.caller)
            && self
                .operation
                .is_none_or(|operation| operation == entry.operation)
    }
}

#[derive(Serialize)]
pub(super) struct Records {
    records: Vec<AuditEntry>,
}

/// Those of the records that are wanted: of all, the newest ones. They are gathered on the walk, so that memory does not grow
/// with the log when only a few are wanted.
pub(super) struct Wanted {
    filter: Filter,
    last: usize,
    now: Timestamp,
    records: VecDeque<AuditEntry>,
}

impl Wanted {
    pub(super) fn new(filter: Filter, last: Option<usize>, now: Timestamp) -> Self {
        Self {
            filter,
            last: last.unwrap_or(usize::MAX),
            now,
            records: VecDeque::new(),
        }
    }

    pub(super) fn look_at(&mut self, entry: AuditEntry) {
        if self.last > 0 && self.filter.matches(&entry, self.now) {
            if self.records.len() == self.last {
                self.records.pop_front();
            }
            self.records.push_back(entry);
        }
    }

    pub(super) fn into_records(self) -> Records {
        Records {
            records: self.records.into(),
        }
    }
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let newest = options.last.filter(|_last| options.filter.takes_all());
    let mut wanted = Wanted::new(options.filter, options.last, SystemClock.now());
    let walked = client
        .walk_audit(newest, |entry| wanted.look_at(entry))
        .await;
    client.close().await;
    walked?;
    wanted.into_records().print(global)?;
    Ok(ExitCode::SUCCESS)
}

impl Records {
    pub(super) fn iter(&self) -> impl Iterator<Item = &AuditEntry> {
        self.records.iter()
    }

    pub(super) fn print(&self, global: &Global) -> anyhow::Result<()> {
        output::print(global.output, self, |out| self.print_table(out))
    }

    fn print_table(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let header = ["#", "TIME", "CALLER", "OPERATION", "KEY", "DETAILS"];
        writeln!(
            out,
            "{}",
            output::table(header, self.records.iter().map(row))
        )
    }
}

pub(super) fn row(entry: &AuditEntry) -> [String; 6] {
    let details = entry.details.iter();
    let details = details.map(|(name, value)| format!("{name}={}", quoted(value)));
    [
        entry.sequence.to_string(),
        output::moment(Timestamp::from_micros(entry.time_micros)),
        entry.caller.clone(),
        entry.operation.name().to_owned(),
        entry.key.clone().unwrap_or_else(|| "-".to_owned()),
        details.collect::<Vec<_>>().join(" "),
    ]
}

/// In quotes when it would otherwise not be seen where the value ends.
fn quoted(value: &str) -> Cow<'_, str> {
    if value.is_empty() || value.contains([' ', '=', '"']) {
        Cow::Owned(format!("{value:?}"))
    } else {
        Cow::Borrowed(value)
    }
}
