//! What deny.toml says: one list for cargo-deny and for us, so that the two cannot contradict each other.

use anyhow::{Context, Result};
use toml::{Table, Value};

/// The parts of deny.toml that we check without cargo-deny.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DenyFile {
    /// The target triples that count.
    pub(super) targets: Vec<String>,
    /// SPDX identifiers of the licences that are allowed.
    pub(super) licences: Vec<String>,
    pub(super) bans: Vec<Ban>,
}

/// A crate that must not be in the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ban {
    pub(super) name: String,
    /// Who may depend on it all the same.
    pub(super) wrappers: Vec<String>,
    pub(super) reason: String,
}

impl DenyFile {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let table: Table = text.parse().context("deny.toml is not TOML")?;
        let section = |name| {
            table
                .get(name)
                .and_then(Value::as_table)
                .with_context(|| format!("deny.toml has no [{name}]"))
        };
        let bans = array(section("bans")?, "deny")
            .iter()
            .map(Ban::parse)
            .collect::<Result<_>>()?;
        Ok(Self {
            targets: strings(section("graph")?, "targets"),
            licences: strings(section("licenses")?, "allow"),
            bans,
        })
    }
}

impl Ban {
    fn parse(value: &Value) -> Result<Self> {
        let table = value
            .as_table()
            .context("a ban of deny.toml is not a table")?;
        let name = table
            .get("crate")
            .and_then(Value::as_str)
            .context("a ban of deny.toml has no 'crate'")?;
        let reason = table
            .get("reason")
            .and_then(Value::as_str)
            .with_context(|| format!("the ban of {name} has no reason"))?;
        Ok(Self {
            name: name.to_owned(),
            wrappers: strings(table, "wrappers"),
            reason: reason.to_owned(),
        })
    }
}

fn array<'a>(table: &'a Table, field: &str) -> &'a [Value] {
    table
        .get(field)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn strings(table: &Table, field: &str) -> Vec<String> {
    array(table, field)
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[graph]
targets = ["x86_64-unknown-linux-gnu"]
[licenses]
allow = ["MIT", "Apache-2.0"]
[bans]
deny = [{ crate = "openssl", reason = "no" }, { crate = "rusqlite", wrappers = ["w"], reason = "walled" }]
"#;

    #[test]
    fn the_lists_are_read() {
        let file = DenyFile::parse(TEXT).unwrap();
        assert_eq!(file.targets, ["x86_64-unknown-linux-gnu"]);
        assert_eq!(file.licences, ["MIT", "Apache-2.0"]);
        assert_eq!(
            file.bans
                .iter()
                .map(|ban| ban.name.as_str())
                .collect::<Vec<_>>(),
            ["openssl", "rusqlite"]
        );
        assert_eq!(file.bans[1].wrappers, ["w"]);
    }

    #[test]
    fn a_ban_without_a_reason_is_refused() {
        let error = DenyFile::parse(&TEXT.replace(r#", reason = "no""#, "")).unwrap_err();
        assert_eq!(error.to_string(), "the ban of openssl has no reason");
    }

    #[test]
    fn a_missing_section_is_named() {
        let error = DenyFile::parse("[graph]\n[licenses]\n").unwrap_err();
        assert_eq!(error.to_string(), "deny.toml has no [bans]");
    }
}
