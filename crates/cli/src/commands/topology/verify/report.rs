//! What was found, for people and for programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use serde::Serialize;
use strongroom_topology::{At, TopologyStore};
use strongroom_vault::{ReplayReport, ReplayedRejection};

use crate::{
    graph::{Graph, KeyLabel, NamespaceView, write_namespace},
    output,
};

/// Rejections and namespaces that people are shown; programs get all of them.
const SHOWN: usize = 20;

/// A file that was replayed.
#[derive(Serialize)]
pub(super) struct Source {
    pub(super) file: String,
    pub(super) container: &'static str,
    pub(super) rules: &'static str,
}

#[derive(Serialize)]
pub(super) struct Report {
    files: Vec<Source>,
    transactions: u64,
    signatures: Signatures,
    accepted: u64,
    proposed: u64,
    unchanged: u64,
    rejected: u64,
    unexpected: u64,
    rejections: Vec<RejectionView>,
    by_mapping: BTreeMap<&'static str, u64>,
    namespaces: Vec<NamespaceView>,
}

#[derive(Serialize)]
struct Signatures {
    valid: u64,
    invalid: u64,
    unknown_key: u64,
    by_algorithm: BTreeMap<&'static str, u64>,
}

/// A transaction that was rejected here or where it comes from.
#[derive(Serialize)]
struct RejectionView {
    number: u64,
    transaction: String,
    mapping: &'static str,
    code: Option<&'static str>,
    reason: Option<String>,
    recorded: Option<String>,
}

impl RejectionView {
    fn of(rejected: &ReplayedRejection) -> Self {
        let rejection = rejected.rejection.as_ref();
        Self {
            number: rejected.number,
            transaction: rejected.hash.to_string(),
            mapping: rejected.mapping.name(),
            code: rejection.map(|rejection| rejection.code.name()),
            reason: rejection.map(|rejection| rejection.text.to_string()),
            recorded: rejected.recorded.clone(),
        }
    }

    fn cells(&self) -> [String; 4] {
        let reason = self.reason.as_deref().unwrap_or("accepted here");
        let recorded = self.recorded.as_deref().unwrap_or("-");
        [
            self.number.to_string(),
            self.mapping.to_owned(),
            reason.to_owned(),
            recorded.to_owned(),
        ]
    }
}

impl Report {
    pub(super) fn of(files: Vec<Source>, found: &ReplayReport, store: &TopologyStore) -> Self {
        let signatures = &found.signatures;
        let by_algorithm = signatures.by_algorithm.iter();
        let nobody = |_: &_| KeyLabel::default();
        Self {
            files,
            transactions: found.transactions,
            signatures: Signatures {
                valid: signatures.valid,
                invalid: signatures.invalid,
                unknown_key: signatures.unknown_key,
                by_algorithm: by_algorithm
                    .map(|(algorithm, count)| (algorithm.name(), *count))
                    .collect(),
            },
            accepted: found.accepted,
            proposed: found.proposed,
            unchanged: found.unchanged,
            rejected: found.rejected,
            unexpected: found.unexpected,
            rejections: found.rejections.iter().map(RejectionView::of).collect(),
            by_mapping: found
                .by_mapping
                .iter()
                .map(|(code, count)| (code.name(), *count))
                .collect(),
            namespaces: Graph::of(store, At::Head, &BTreeSet::new(), &nobody),
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for source in &self.files {
            let Source {
                file,
                container,
                rules,
            } = source;
            writeln!(out, "{file}: {container}, under the rules {rules}")?;
        }
        self.write_counts(out)?;
        self.write_rejections(out)?;
        for namespace in self.namespaces.iter().take(SHOWN) {
            writeln!(out)?;
            write_namespace(namespace, out)?;
        }
        write_rest(out, self.namespaces.len(), "namespaces")
    }

    fn write_counts(&self, out: &mut dyn Write) -> io::Result<()> {
        let signatures = &self.signatures;
        writeln!(
            out,
            "\n{}: {} accepted ({} of them proposals, {} known before), {} rejected",
            output::counted(self.transactions, "transaction"),
            self.accepted,
            self.proposed,
            self.unchanged,
            self.rejected
        )?;
        writeln!(
            out,
            "{} valid, {} not valid, {} by keys that no transaction names\n",
            output::counted(signatures.valid, "signature"),
            signatures.invalid,
            signatures.unknown_key
        )?;
        let row = |(name, count): (&&'static str, &u64)| [(*name).to_owned(), count.to_string()];
        let algorithms = signatures.by_algorithm.iter().map(row);
        writeln!(
            out,
            "{}",
            output::table(["ALGORITHM", "SIGNATURES"], algorithms)
        )?;
        let mappings = self.by_mapping.iter().map(row);
        writeln!(
            out,
            "{}",
            output::table(["MAPPING", "TRANSACTIONS"], mappings)
        )
    }

    fn write_rejections(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.rejections.is_empty() {
            return Ok(());
        }
        let rows = self.rejections.iter().take(SHOWN).map(RejectionView::cells);
        let header = ["NUMBER", "MAPPING", "REJECTED HERE", "REJECTED THERE"];
        writeln!(out, "{}", output::table(header, rows))?;
        write_rest(out, self.rejections.len(), "rejections")
    }
}

fn write_rest(out: &mut dyn Write, all: usize, what: &str) -> io::Result<()> {
    match all.checked_sub(SHOWN) {
        Some(rest) if rest > 0 => {
            writeln!(
                out,
                "... and {rest} more {what}: --output json lists all of them"
            )
        }
        _ => Ok(()),
    }
}
