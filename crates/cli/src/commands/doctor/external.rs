//! Keys of KMSs on their way into the vault or out of it.

use strongroom_errors::Coded;
use strongroom_vault::{KeyFilter, Vault};

use super::{Check, Status, check, failed};
use crate::output;

/// Searches the KMSs for keys that were made for this vault and are none of its keys. A vault that never had any does not
/// search: a cloud is asked about every key that it shows.
pub(super) async fn checks(vault: &Vault) -> Vec<Check> {
    let journal = vault.kms_journal();
    let every = vault.list(&KeyFilter::default()).unwrap_or_default();
    if journal.is_empty() && !every.iter().any(|key| key.is_held_by_kms()) {
        return Vec::new();
    }
    let orphans = match vault.find_orphans().await {
        Ok(orphans) => orphans,
        Err(error) => return vec![failed("orphans", &error.into())],
    };
    let mut checks = Vec::new();
    let (waiting, journal): (Vec<_>, Vec<_>) = journal
        .into_iter()
        .partition(|entry| entry.progress().due().is_some());
    if !waiting.is_empty() {
        let keys = output::counted(waiting.len() as u64, "key");
        let detail = format!("{keys} to be destroyed when due: 'strongroom kms orphans'");
        checks.push(check("key destruction", Status::Ok, detail));
    }
    if !orphans.found.is_empty() || !journal.is_empty() {
        let found = output::counted(orphans.found.len() as u64, "key");
        let under_way = output::counted(journal.len() as u64, "key");
        let detail = format!(
            "{found} in a KMS that no key of this vault uses, {under_way} under way: 'strongroom kms orphans'"
        );
        checks.push(check("orphans", Status::Warning, detail));
    } else if orphans.unsearched.is_empty() {
        let detail = "every key that was made for this vault is one of its keys";
        checks.push(check("orphans", Status::Ok, detail));
    }
    for (kms, error) in &orphans.unsearched {
        let reason = error
            .as_ref()
            .map_or_else(|| "it has no way to search".to_owned(), ToString::to_string);
        let detail = format!("{kms} could not be searched: {reason}");
        checks.push(Check {
            code: error.as_ref().map(|error| error.code().name()),
            ..check("orphans", Status::Warning, detail)
        });
    }
    checks
}
