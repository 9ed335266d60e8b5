//! Keys of KMSs on their way into the vault or out of it.

use strongroom_errors::Coded;

use super::{Finding, Severity, counted, failed, finding};
use crate::{KeyFilter, Vault};

/// Searches the KMSs for keys that were made for this vault and are none of its keys. A vault that never had any does not
/// search: a cloud is asked about every key that it shows.
pub(super) async fn findings(vault: &Vault) -> Vec<Finding> {
    let journal = vault.kms_journal();
    let every = vault.list(&KeyFilter::default()).unwrap_or_default();
    if journal.is_empty() && !every.iter().any(|key| key.is_held_by_kms()) {
        return Vec::new();
    }
    let orphans = match vault.find_orphans().await {
        Ok(orphans) => orphans,
        Err(error) => return vec![failed("orphans", &error)],
    };
    let (waiting, journal): (Vec<_>, Vec<_>) = journal
        .into_iter()
        .partition(|entry| entry.progress().due().is_some());
    let mut findings = Vec::new();
    if !waiting.is_empty() {
        let keys = counted(waiting.len() as u64, "key");
        let detail = format!("{keys} to be destroyed when due: 'strongroom kms orphans'");
        findings.push(finding("key destruction", Severity::Ok, detail));
    }
    if !orphans.found.is_empty() || !journal.is_empty() {
        let found = counted(orphans.found.len() as u64, "key");
        let under_way = counted(journal.len() as u64, "key");
        let detail = format!(
            "{found} in a KMS that no key of this vault uses, {under_way} under way: 'strongroom kms orphans'"
        );
        findings.push(finding("orphans", Severity::Warning, detail));
    } else if orphans.unsearched.is_empty() {
        let detail = "every key that was made for this vault is one of its keys";
        findings.push(finding("orphans", Severity::Ok, detail));
    }
    for (kms, error) in &orphans.unsearched {
        let reason = error
            .as_ref()
            .map_or_else(|| "it has no way to search".to_owned(), ToString::to_string);
        let detail = format!("{kms} could not be searched: {reason}");
        findings.push(Finding {
            code: error.as_ref().map(|error| error.code().name()),
            ..finding("orphans", Severity::Warning, detail)
        });
    }
    findings
}
