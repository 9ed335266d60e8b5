//! The configuration that the vault was opened with, held against the one that it remembers.

use super::{Finding, Severity, failed, finding};
use crate::Vault;

const NAME: &str = "configuration";

/// None where no server has begun, or the vault was opened with no file.
pub(super) async fn finding_of(vault: &Vault) -> Option<Finding> {
    let remembered = vault.remembered_configuration().await?;
    if let Err(refused) = vault.heed_configuration().await {
        return Some(failed(NAME, &refused));
    }
    let own = vault.settings().configuration?;
    if own != remembered && !remembered.is_guarded() {
        let differs = own.differs_from(&remembered).join(", ");
        let detail = format!(
            "it differs from the one that a server began with last, in {differs}: that is on record once a server begins with it that writes"
        );
        return Some(finding(NAME, Severity::Warning, detail));
    }
    let detail = if own != remembered {
        "its change was approved, and is let through once a server begins with it that writes"
    } else if remembered.is_guarded() {
        "a change of access, approvals or audit in it needs a second person: keep a copy of this file, since a server begins with no other"
    } else {
        return None;
    };
    Some(finding(NAME, Severity::Ok, detail))
}
