//! The parts of a configuration of which a change is to be on record.

use crate::error::ConfigError;

/// What a configuration says of who may do what, of approvals and of the audit log: as text that is the same whatever stands around it,
/// in which order its fields come, and what comments say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedSections {
    /// `[[callers]]`, and of `[server]` how callers are known and what leaves.
    pub access: String,
    /// `[approvals]`.
    pub approvals: String,
    /// `[audit]`.
    pub audit: String,
}

/// What of `[server]` says who comes in, and what may leave.
const OF_SERVER: [&str; 5] = [
    "tokens",
    "tls",
    "socket",
    "export-private-keys",
    "init-identity",
];

impl WatchedSections {
    /// Reads them from a configuration that was read before.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`].
    pub fn of(text: &str) -> Result<Self, ConfigError> {
        let whole: toml::Table =
            toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))?;
        let server = whole.get("server").and_then(toml::Value::as_table);
        let mut access = toml::Table::new();
        let of_server = OF_SERVER.iter().filter_map(|name| {
            let value = server?.get(*name)?;
            Some((format!("server.{name}"), value))
        });
        let callers = whole.get("callers");
        let callers = callers.map(|callers| ("callers".to_owned(), callers));
        for (name, value) in of_server.chain(callers) {
            access.insert(name, value.clone());
        }
        let section = |name: &str| {
            let section = whole.get(name).and_then(toml::Value::as_table);
            written(&section.cloned().unwrap_or_default())
        };
        Ok(Self {
            access: written(&access)?,
            approvals: section("approvals")?,
            audit: section("audit")?,
        })
    }
}

/// Tables keep their fields in the order of the names.
fn written(table: &toml::Table) -> Result<String, ConfigError> {
    toml::to_string(table).map_err(|source| ConfigError::Unwritable {
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [server]
        address = "127.0.0.1:1"
        export-private-keys = true
        [[callers]]
        name = "a"
        unix-users = [7]
        [approvals]
        operations = ["keys.delete"]
        break-glass = false
    "#;

    #[test]
    fn each_part_is_seen_to_change_and_what_stands_around_it_is_not() {
        let of = |text: &str| WatchedSections::of(text).unwrap();
        let first = of(TEXT);
        let around = TEXT.replace("127.0.0.1:1", "127.0.0.1:2").replace(
            "operations = [\"keys.delete\"]\n        break-glass = false",
            "break-glass = false # as ever\n        operations = [ \"keys.delete\" ]",
        );
        assert_ne!(around, TEXT);
        assert_eq!(of(&around), first);
        let access = of(&TEXT.replace("[7]", "[8]"));
        assert_ne!(access.access, first.access);
        assert_eq!(access.approvals, first.approvals);
        let export = of(&TEXT.replace("export-private-keys = true", ""));
        assert_ne!(export.access, first.access);
        let glass = of(&TEXT.replace("break-glass = false", "break-glass = true"));
        assert_ne!(glass.approvals, first.approvals);
        let audit = of(&format!("{TEXT}\n[audit]\nsignatures = \"each\""));
        assert_ne!(audit.audit, first.audit);
        assert_eq!(
            (audit.access, audit.approvals),
            (first.access, first.approvals)
        );
    }
}
