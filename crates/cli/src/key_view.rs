//! How a key is shown.

use serde::Serialize;
use strongroom_vault::KeyEntry;

use crate::output;

/// A key, with the stable names of `keys list --output json`.
#[derive(Debug, Serialize)]
pub(crate) struct KeyView {
    pub(crate) fingerprint: String,
    pub(crate) name: Option<String>,
    pub(crate) purpose: &'static str,
    pub(crate) usage: Vec<&'static str>,
    pub(crate) spec: &'static str,
    pub(crate) custody: Option<&'static str>,
    pub(crate) sealing: Option<&'static str>,
    pub(crate) state: Option<&'static str>,
    pub(crate) exposed: bool,
    pub(crate) wrapper_key_id: Option<String>,
    pub(crate) created_at: String,
}

impl KeyView {
    pub(crate) fn of(entry: &KeyEntry) -> Self {
        let private = entry.private.as_ref();
        Self {
            fingerprint: entry.fingerprint().to_string(),
            name: entry.name.as_ref().map(|name| name.as_str().to_owned()),
            purpose: entry.purpose().name(),
            usage: entry
                .usages()
                .map(|usages| usages.iter().map(|usage| usage.label()).collect())
                .unwrap_or_default(),
            spec: entry.spec().name(),
            custody: private.map(|private| private.custody.name()),
            sealing: private.map(|private| private.sealing.name()),
            state: private.map(|private| private.state.name()),
            exposed: private.is_some_and(|private| private.exposed),
            wrapper_key_id: private
                .and_then(|private| private.wrapper_key_id.as_deref().map(str::to_owned)),
            created_at: output::moment(entry.created_at),
        }
    }
}

/// Keys as a table.
pub(crate) fn table(keys: &[KeyView]) -> comfy_table::Table {
    let header = [
        "FINGERPRINT",
        "NAME",
        "PURPOSE",
        "USAGE",
        "SPEC",
        "CUSTODY",
        "STATE",
        "CREATED",
    ];
    output::table(
        header,
        keys.iter().map(|key| {
            let exposed = if key.exposed { " (exposed)" } else { "" };
            [
                key.fingerprint.clone(),
                key.name.clone().unwrap_or_else(|| "-".to_owned()),
                key.purpose.to_owned(),
                if key.usage.is_empty() {
                    "-".to_owned()
                } else {
                    key.usage.join(",")
                },
                key.spec.to_owned(),
                format!("{}{exposed}", key.custody.unwrap_or("public only")),
                key.state.unwrap_or("-").to_owned(),
                key.created_at.clone(),
            ]
        }),
    )
}
