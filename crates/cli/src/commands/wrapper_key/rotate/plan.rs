//! `wrapper-key rotate --dry-run`.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;
use strongroom_kms::{MicroDollars, PerClass, QuotaClass, Subject};
use strongroom_vault::{PlannedCalls, RotationPlan, RotationRequest};

use super::super::WrapperKeyView;
use crate::{args::Global, client::Client, open_kms::OpenKms, output};

/// What a rotation would do.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) dry_run: bool,
    /// The KMS of the new wrapper key.
    pub(crate) kms: String,
    /// None if it is yet to be made.
    pub(crate) wrapper_key_id: Option<String>,
    pub(crate) replaces: WrapperKeyView,
    /// Every other wrap: the new data key is wrapped there too, and that is tried.
    pub(crate) renews: Vec<WrapperKeyView>,
    pub(crate) rows: RowsView,
    pub(crate) kms_calls: u64,
    pub(crate) calls: Vec<CallsView>,
}

#[derive(Serialize)]
pub(crate) struct RowsView {
    pub(crate) total: u64,
    pub(crate) sealed: u64,
    pub(crate) sealed_by_the_kms: u64,
    pub(crate) only_tagged: u64,
    pub(crate) node: u64,
    pub(crate) topology: u64,
}

/// The calls to one KMS.
#[derive(Serialize)]
pub(crate) struct CallsView {
    pub(crate) kms: String,
    pub(crate) calls: u64,
    pub(crate) operations: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) estimated_cost_usd: Option<String>,
}

pub(super) async fn run(
    global: &Global,
    client: Client,
    request: RotationRequest,
) -> anyhow::Result<ExitCode> {
    let report = match client {
        Client::Here(session) => {
            let planned = session.vault.plan_wrapper_key_rotation(&request).await;
            let report = planned.map(|plan| Report::of(&plan, &session.kms));
            session.close().await;
            report?
        }
        Client::There(server) => server.plan_wrapper_key_rotation(request).await?,
    };
    output::print(global.output, &report, |out| report.print(out))?;
    Ok(ExitCode::SUCCESS)
}

impl CallsView {
    /// Of these, which are all to one KMS.
    fn of(kms: &str, planned: &[&PlannedCalls], open: &OpenKms) -> Self {
        let mut counts = PerClass::default();
        for calls in planned {
            let class = QuotaClass::of(calls.operation, &Subject::default());
            *count_of(&mut counts, class) += calls.calls;
        }
        let opened = open.iter().find(|opened| opened.name == kms);
        let cost = opened.and_then(|opened| opened.cost_of(&counts));
        let operations = planned.iter();
        Self {
            kms: kms.to_owned(),
            calls: planned.iter().map(|calls| calls.calls).sum(),
            operations: operations
                .map(|calls| (calls.operation.name().to_owned(), calls.calls))
                .collect(),
            estimated_cost_usd: cost.map(in_dollars),
        }
    }

    fn in_words(&self) -> String {
        let calls = output::counted(self.calls, "call");
        let of = self.operations.iter();
        let of: Vec<_> = of.map(|(name, calls)| format!("{calls} {name}")).collect();
        let cost = match &self.estimated_cost_usd {
            Some(usd) => format!("about {usd} USD"),
            None => "no prices are configured".to_owned(),
        };
        format!("{calls} to {} ({}); {cost}", self.kms, of.join(", "))
    }
}

fn in_dollars(cost: MicroDollars) -> String {
    cost.to_string().replace(" USD", "")
}

const fn count_of(counts: &mut PerClass<u64>, class: QuotaClass) -> &mut u64 {
    match class {
        QuotaClass::Symmetric => &mut counts.symmetric,
        QuotaClass::Rsa => &mut counts.rsa,
        QuotaClass::Ecc => &mut counts.ecc,
        QuotaClass::Administration => &mut counts.administration,
    }
}

impl Report {
    fn of(plan: &RotationPlan, open: &OpenKms) -> Self {
        let mut by_kms: BTreeMap<&str, Vec<&PlannedCalls>> = BTreeMap::new();
        for calls in &plan.calls {
            by_kms.entry(&calls.kms).or_default().push(calls);
        }
        let calls = by_kms.into_iter();
        let calls: Vec<_> = calls
            .map(|(kms, planned)| CallsView::of(kms, &planned, open))
            .collect();
        let rows = &plan.rows;
        Self {
            dry_run: true,
            kms: plan.kms.clone(),
            wrapper_key_id: plan.wrapper_key_id.clone(),
            replaces: WrapperKeyView::of(&plan.replaces),
            renews: plan.renews.iter().map(WrapperKeyView::of).collect(),
            rows: RowsView {
                total: rows.total(),
                sealed: rows.sealed,
                sealed_by_the_kms: rows.direct,
                only_tagged: rows.tagged,
                node: rows.node,
                topology: rows.topology,
            },
            kms_calls: calls.iter().map(|calls| calls.calls).sum(),
            calls,
        }
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let new = self
            .wrapper_key_id
            .as_deref()
            .unwrap_or("a new wrapper key");
        let old = &self.replaces;
        writeln!(
            out,
            "{new} of {} would take the place of {} of {}",
            self.kms, old.wrapper_key_id, old.kms
        )?;
        for wrap in &self.renews {
            writeln!(
                out,
                "the wrap by {} of {} would be renewed",
                wrap.wrapper_key_id, wrap.kms
            )?;
        }
        let rows = &self.rows;
        writeln!(
            out,
            "{} would move: {} sealed anew, {} sealed anew by the KMS, {} tagged anew, {} of the node, {} of topology",
            output::counted(rows.total, "row"),
            rows.sealed,
            rows.sealed_by_the_kms,
            rows.only_tagged,
            rows.node,
            rows.topology
        )?;
        for calls in &self.calls {
            writeln!(out, "{}", calls.in_words())?;
        }
        writeln!(out, "Nothing was changed.")
    }
}
