//! How a key is shown.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use strongroom_crypto::Fingerprint;
use strongroom_vault::{KeyEntry, Vault, VaultError};

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
    /// The KMS that holds the private key (custody `external`), by its configured name.
    pub(crate) kms: Option<String>,
    /// The key there.
    pub(crate) kms_key_id: Option<String>,
    /// A sealed copy is still here, from before the KMS took the key in.
    pub(crate) copy: bool,
    /// Where topology refers to the key.
    pub(crate) announced: Vec<String>,
    pub(crate) created_at: String,
}

/// Every key that topology refers to, and where.
#[derive(Debug, Default)]
pub(crate) struct Announced(BTreeMap<Fingerprint, Vec<String>>);

impl Announced {
    /// As the topology of the vault is now.
    pub(crate) async fn of(vault: &Vault) -> Result<Self, VaultError> {
        Ok(Self(vault.announced_keys().await?))
    }
}

impl KeyView {
    pub(crate) fn of(entry: &KeyEntry, announced: &Announced) -> Self {
        let private = entry.private.as_ref();
        let held = private.and_then(|private| private.external.as_ref());
        let fingerprint = entry.fingerprint();
        Self {
            fingerprint: fingerprint.to_string(),
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
            kms: held.map(|held| held.kms.clone()),
            kms_key_id: held.map(|held| held.key_id.clone()),
            copy: private.is_some_and(|private| private.has_copy()),
            announced: announced.0.get(&fingerprint).cloned().unwrap_or_default(),
            created_at: output::moment(entry.created_at),
        }
    }
}

/// Prints keys by name, one a line; on a terminal that is too narrow without the moment that they were created at.
pub(crate) fn write_list(out: &mut dyn Write, keys: &[KeyView]) -> io::Result<()> {
    let mut sorted: Vec<&KeyView> = keys.iter().collect();
    sorted.sort_by_key(|key| (key.name.is_none(), &key.name));
    let wide = table(&sorted, true, None).to_string();
    let width = wide
        .lines()
        .map(|line| line.trim_end().chars().count())
        .max();
    let terminal = output::terminal_width();
    let narrow = terminal.is_some_and(|terminal| width > Some(terminal));
    if narrow {
        writeln!(out, "{}", table(&sorted, false, terminal))
    } else {
        writeln!(out, "{wide}")
    }
}

/// Prints one key, a field a line.
pub(crate) fn write_one(out: &mut dyn Write, key: &KeyView) -> io::Result<()> {
    let sealing = key.sealing.filter(|sealing| *sealing != "none");
    let fields = [
        ("fingerprint", Some(key.fingerprint.clone())),
        ("name", key.name.clone()),
        ("purpose", Some(key.purpose.to_owned())),
        (
            "usage",
            Some(key.usage.join(", ")).filter(|usage| !usage.is_empty()),
        ),
        ("spec", Some(key.spec.to_owned())),
        ("custody", Some(custody(key))),
        ("sealing", sealing.map(str::to_owned)),
        ("state", key.state.map(str::to_owned)),
        ("wrapper key", key.wrapper_key_id.clone()),
        ("kms", key.kms.clone()),
        ("kms key", key.kms_key_id.clone()),
        ("created", Some(key.created_at.clone())),
    ];
    for (name, value) in fields {
        let value = value.as_deref().unwrap_or("-");
        writeln!(out, "{name:<12} {}", output::printable(value))?;
    }
    let mut label = "announced";
    for place in &key.announced {
        writeln!(out, "{label:<12} {}", output::printable(place))?;
        label = "";
    }
    Ok(())
}

fn custody(key: &KeyView) -> String {
    let exposed = if key.exposed { " (exposed)" } else { "" };
    let copy = if key.copy { " (copy here)" } else { "" };
    format!("{}{exposed}{copy}", key.custody.unwrap_or("public only"))
}

fn table(keys: &[&KeyView], created: bool, width: Option<usize>) -> comfy_table::Table {
    let header = [
        "FINGERPRINT",
        "NAME",
        "PURPOSE",
        "USAGE",
        "SPEC",
        "CUSTODY",
        "STATE",
        "ANNOUNCED",
        if created { "CREATED" } else { "" },
    ];
    output::table_within(
        width,
        header,
        keys.iter().map(|key| {
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
                custody(key),
                key.state.unwrap_or("-").to_owned(),
                if key.announced.is_empty() { "-" } else { "yes" }.to_owned(),
                if created {
                    key.created_at.clone()
                } else {
                    String::new()
                },
            ]
        }),
    )
}
