//! What remembers the latest state. Of an open vault: it was held against its anchors when it was opened.

use strongroom_config::Config;
use strongroom_vault::{AnchorTag, Vault};

use super::{Check, Status, check};

pub(super) async fn checks(vault: &Vault, config: &Config) -> Vec<Check> {
    let tag = vault.anchor_tag().await;
    let file = config.vault.anchor.as_ref().map(|path| {
        let detail = format!("{} agrees with the database", path.display());
        check("anchor", Status::Ok, detail)
    });
    if file.is_none() && tag.is_none() {
        let detail = "none: a rollback of the whole database goes unnoticed";
        return vec![check("anchor", Status::Warning, detail)];
    }
    file.into_iter()
        .chain(tag.map(|tag| of_tag(&tag)))
        .collect()
}

fn of_tag(tag: &AnchorTag) -> Check {
    let warning = |detail| check("anchor tag", Status::Warning, detail);
    let Some(key) = &tag.wrapper_key_id else {
        let detail = format!(
            "{} has no wrap of the vault, so nothing is anchored there: 'strongroom wrapper-key add'",
            tag.kms
        );
        return warning(detail);
    };
    if let Some(failure) = &tag.failure {
        let detail = format!("it is older than the database: {}", failure.reason);
        return Check {
            code: Some(failure.code),
            ..warning(detail)
        };
    }
    match tag.remembered {
        Some(remembered) if remembered >= tag.generation => {
            let detail = format!("the wrapper key {key} of {} remembers this state", tag.kms);
            check("anchor tag", Status::Ok, detail)
        }
        remembered => warning(format!(
            "the wrapper key {key} of {} remembers generation {}, the database is at {}: what is between can be put back unnoticed",
            tag.kms,
            remembered.map_or_else(|| "-".to_owned(), |generation| generation.to_string()),
            tag.generation
        )),
    }
}
