//! What is to be thought of before transactions from somewhere else are taken in.

use std::collections::BTreeMap;

use strongroom_topology::SignedTransaction;

use super::args::BurnArg;
use crate::{
    args::{Format, Global},
    failure::CliError,
    output,
    transaction_view::TransactionView,
};

/// Of how many transactions the same warning is told in full.
const SHOWN: usize = 8;

/// Refuses the revocation of a root certificate, unless it is meant.
pub(super) fn check(transactions: &[SignedTransaction], burn: BurnArg) -> Result<(), CliError> {
    transactions.iter().try_for_each(|signed| {
        let transaction = signed.transaction();
        burn.check(transaction.operation(), transaction.mapping())
    })
}

/// Tells people on standard error which transactions give reason to look twice. Programs find it with the decisions.
pub(super) fn tell(global: &Global, transactions: &[SignedTransaction]) -> anyhow::Result<()> {
    if global.output == Format::Json {
        return Ok(());
    }
    let mut warned: BTreeMap<String, Vec<TransactionView>> = BTreeMap::new();
    for signed in transactions {
        let mut view = TransactionView::of_signed(signed);
        for warning in std::mem::take(&mut view.warnings) {
            let about = TransactionView::of(signed.transaction());
            warned.entry(warning.text).or_default().push(about);
        }
    }
    if warned.is_empty() {
        return Ok(());
    }
    output::tell(|out| {
        for (text, views) in &warned {
            writeln!(out, "Mind: {text}")?;
            for view in views.iter().take(SHOWN) {
                writeln!(out, "  {}: {}", view.hash, view.summary)?;
            }
            match views.len().saturating_sub(SHOWN) {
                0 => {}
                more => writeln!(out, "  and {more} more like it")?,
            }
        }
        Ok(())
    })
}
