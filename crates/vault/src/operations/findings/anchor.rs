//! What remembers the latest state. Of an open vault: it was held against its anchors when it was opened.

use super::{Finding, Severity, finding};
use crate::{AnchorTag, Vault};

pub(super) async fn findings(vault: &Vault) -> Vec<Finding> {
    let tag = vault.anchor_tag().await;
    let file = vault.environment().anchor.location().map(|location| {
        let detail = format!("{location} agrees with the database");
        finding("anchor", Severity::Ok, detail)
    });
    if file.is_none() && tag.is_none() {
        let detail = "none: a rollback of the whole database goes unnoticed";
        return vec![finding("anchor", Severity::Warning, detail)];
    }
    file.into_iter()
        .chain(tag.map(|tag| of_tag(&tag)))
        .collect()
}

fn of_tag(tag: &AnchorTag) -> Finding {
    let warning = |detail| finding("anchor tag", Severity::Warning, detail);
    let Some(key) = &tag.wrapper_key_id else {
        let detail = format!(
            "{} has no wrap of the vault, so nothing is anchored there: 'strongroom wrapper-key add'",
            tag.kms
        );
        return warning(detail);
    };
    if let Some(failure) = &tag.failure {
        let detail = format!("it is older than the database: {}", failure.reason);
        return Finding {
            code: Some(failure.code),
            ..warning(detail)
        };
    }
    match tag.remembered {
        Some(remembered) if remembered >= tag.generation => {
            let detail = format!("the wrapper key {key} of {} remembers this state", tag.kms);
            finding("anchor tag", Severity::Ok, detail)
        }
        remembered => warning(format!(
            "the wrapper key {key} of {} remembers generation {}, the database is at {}: what is between can be put back unnoticed",
            tag.kms,
            remembered.map_or_else(|| "-".to_owned(), |generation| generation.to_string()),
            tag.generation
        )),
    }
}
