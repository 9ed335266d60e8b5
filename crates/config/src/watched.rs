//! The parts of a configuration of which a change is to be on record.

use crate::error::ConfigError;

/// What a configuration says of who may do what, of approvals and of the audit log: as text that is the same whatever stands around it,
/// in which order its fields come, and what comments say. Vaults remember hashes of these texts, and a guarded one serves by no other: they
/// are written here, and not by a library of which another release may write them otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedSections {
    /// `[[callers]]`; of `[server]` how callers are known, what leaves, and whose word counts as a synchronizer's; who gets the backups
    /// of the schedule, which hold every key; which keys are readable; and which KMS each name of `[[kms]]` stands for.
    pub access: String,
    /// `[approvals]`.
    pub approvals: String,
    /// `[audit]`.
    pub audit: String,
}

/// What says who comes in, and what may leave, by the path to it. What is not there adds nothing to the text: a vault that remembers
/// its hash does not see a change because this list became longer.
const OF_ACCESS: [&[&str]; 14] = [
    &["server", "tokens"],
    &["server", "tls"],
    &["server", "socket"],
    &["server", "export-private-keys"],
    &["server", "init-identity"],
    &["server", "rehearsal-synchronizer"],
    &["backup", "schedule", "protection"],
    &["custody", "default"],
    &["custody", "namespace"],
    &["custody", "sequencer-auth"],
    &["custody", "protocol"],
    &["custody", "encryption"],
    &["custody", "reverted"],
    &["callers"],
];

/// What of a `[[kms]]` does not say which one it is. All the rest does: whoever was let wrap the vault's keys in a KMS was let do so in
/// that one, whatever a file says later that its name stands for.
const NOT_WHICH_KMS: [&str; 10] = [
    "audit-logging",
    "calls",
    "certificate-file",
    "labels",
    "pin",
    "prices",
    "private-key-file",
    "protection",
    "tags",
    "wrapper-key-id",
];

impl WatchedSections {
    /// Reads them from a configuration that was read before.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`].
    pub fn of(text: &str) -> Result<Self, ConfigError> {
        let whole: toml::Table =
            toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))?;
        let access = OF_ACCESS
            .iter()
            .filter_map(|path| Some((path.join("."), at(&whole, path)?.clone())));
        let access: toml::Table = access.chain(which_kms(&whole)).collect();
        let section = |name: &str| {
            let section = whole.get(name).and_then(toml::Value::as_table);
            section.map(written).unwrap_or_default()
        };
        Ok(Self {
            access: written(&access),
            approvals: section("approvals"),
            audit: section("audit"),
        })
    }
}

/// Which KMSs there are, in whatever order: that is the order in which they are tried.
fn which_kms(whole: &toml::Table) -> Option<(String, toml::Value)> {
    let all = whole.get("kms")?.as_array()?.iter();
    let which = all.filter_map(toml::Value::as_table).map(|kms| {
        let mut which = kms.clone();
        which.retain(|field, _value| !NOT_WHICH_KMS.contains(&field));
        which
    });
    let mut which: Vec<_> = which.collect();
    which.sort_by_key(written);
    let which = which.into_iter().map(toml::Value::Table).collect();
    Some(("kms".to_owned(), toml::Value::Array(which)))
}

fn at<'t>(table: &'t toml::Table, path: &[&str]) -> Option<&'t toml::Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    match rest {
        [] => Some(value),
        rest => at(value.as_table()?, rest),
    }
}

/// One text for each table, and one table for each text: strings after their length, fields in the order of their names.
fn written(table: &toml::Table) -> String {
    let mut fields: Vec<_> = table.iter().collect();
    fields.sort_by_key(|(name, _value)| *name);
    let fields = fields.into_iter();
    let fields = fields.map(|(name, value)| format!("{}={}", string(name), value_of(value)));
    fields.collect()
}

fn value_of(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => string(text),
        toml::Value::Integer(number) => format!("{number};"),
        toml::Value::Float(number) => format!("f{:016x};", number.to_bits()),
        toml::Value::Boolean(is) => format!("{is};"),
        toml::Value::Datetime(at) => format!("d{}", string(&at.to_string())),
        toml::Value::Array(items) => {
            format!("[{}]", items.iter().map(value_of).collect::<String>())
        }
        toml::Value::Table(table) => format!("{{{}}}", written(table)),
    }
}

fn string(text: &str) -> String {
    format!("{}:{text}", text.len())
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

    /// Vaults remember hashes of this.
    #[test]
    fn what_is_watched_is_written_as_ever() {
        let more = r#"
        [audit]
        window = "10s"
        rate = 0.5
        since = 1979-05-27
        [[server.tokens]]
        key-file = '/a "b"'
        audience = "für"
        "#;
        let of = WatchedSections::of(&format!("{TEXT}{more}")).unwrap();
        let callers = "7:callers=[{4:name=1:a10:unix-users=[7;]}]";
        let export = "26:server.export-private-keys=true;";
        let tokens = "13:server.tokens=[{8:audience=4:für8:key-file=6:/a \"b\"}]";
        assert_eq!(of.access, format!("{callers}{export}{tokens}"));
        let keys = r#"
        [custody]
        sequencer-auth = "external"
        default = "clear"
        [[kms]]
        name = "safe"
        type = "recovery"
        recipient = "age1"
        [[kms]]
        type = "aws"
        region = "eu"
        name = "aws"
        wrapper-key-id = "k"
        calls = { timeout = "5s" }
        "#;
        let default = "15:custody.default=5:clear";
        let sequencer = "22:custody.sequencer-auth=8:external";
        let aws = "{4:name=3:aws6:region=2:eu4:type=3:aws}";
        let safe = "{4:name=4:safe9:recipient=4:age14:type=8:recovery}";
        let keys = WatchedSections::of(keys).unwrap();
        assert_eq!(
            keys.access,
            format!("{default}{sequencer}3:kms=[{aws}{safe}]")
        );
        assert_eq!(
            of.approvals,
            "11:break-glass=false;10:operations=[11:keys.delete]"
        );
        assert_eq!(
            of.audit,
            "4:rate=f3fe0000000000000;5:since=d10:1979-05-276:window=3:10s"
        );
    }

    /// Whoever was let wrap the keys in a KMS was not let do so in whatever its name stands for later.
    #[test]
    fn each_field_that_says_which_kms_it_is_counts_and_no_other() {
        let of = |section: &str| WatchedSections::of(&format!("[[kms]]\n{section}")).unwrap();
        let first = "name = \"k\"\ntype = \"gcp\"\nproject = \"p\"\nkey-ring = \"r\"\n";
        for more in [
            "location = \"eu\"",
            "endpoint = \"https://a\"",
            "rehearsal = true",
            "recipient = \"age1\"",
            "region = \"eu\"",
            "socket = \"/a\"",
            "address = \"a:1\"",
            "ca-file = \"/a\"",
            "key-file = \"/a\"",
            "module = \"/a\"",
            "token-label = \"a\"",
            "token-serial = \"1\"",
        ] {
            assert_ne!(of(&format!("{first}{more}")), of(first), "{more}");
        }
        for more in [
            "wrapper-key-id = \"w\"",
            "audit-logging = true",
            "calls = { timeout = \"5s\" }",
            "prices = { currency = \"EUR\" }",
            "certificate-file = \"/a\"",
            "private-key-file = \"/a\"",
            "pin = { file = \"/a\" }",
            "protection = { type = \"unprotected-key-file\" }",
            "labels = { a = \"b\" }",
            "tags = { a = \"b\" }",
        ] {
            assert_eq!(of(&format!("{first}{more}")), of(first), "{more}");
        }
        let other = "[[kms]]\nname = \"a\"\ntype = \"aws\"\n";
        assert_ne!(of(&format!("{first}{other}")), of(first));
        let tail = other.trim_start_matches("[[kms]]\n");
        let turned = format!("{tail}[[kms]]\n{first}");
        assert_eq!(
            of(&turned),
            of(&format!("{first}{other}")),
            "in whatever order"
        );
    }

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
        for more in [
            "[backup.schedule]\nprotection = { type = \"unencrypted\" }",
            "[custody]\nreverted = true",
            "[custody]\ndefault = \"clear\"",
            "[custody]\nnamespace = \"clear\"",
            "[custody]\nsequencer-auth = \"clear\"",
            "[custody]\nprotocol = \"clear\"",
            "[custody]\nencryption = \"clear\"",
        ] {
            let other = of(&format!("{TEXT}\n{more}"));
            assert_ne!(other.access, first.access, "{more}");
            assert_eq!(other.approvals, first.approvals);
        }
        let rehearsal = TEXT.replace(
            "export-private-keys",
            "rehearsal-synchronizer = \"a\"\n        export-private-keys",
        );
        assert_ne!(of(&rehearsal).access, first.access);
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
