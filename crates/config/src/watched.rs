//! The parts of a configuration of which a change is to be on record.

use crate::error::ConfigError;

/// What a configuration says of who may do what, of approvals and of the audit log: as text that is the same whatever stands around it,
/// in which order its fields come, and what comments say. Vaults remember hashes of these texts, and a guarded one serves by no other: they
/// are written here, and not by a library of which another release may write them otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedSections {
    /// `[[callers]]`; of `[server]` how callers are known, what leaves, and whose word counts as a synchronizer's; who gets the backups
    /// of the schedule, which hold every key; which keys are readable; and to whom a recovery wrap opens every key (`recipient` in `[[kms]]`).
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

/// What says for whom a KMS that opens only offline encrypts: whoever was let wrap the vault's keys for one recipient was not let do so for
/// another one, whatever a file says later that the name stands for. Of other KMSs nothing counts: those of one process are in another
/// region, or elsewhere, than those of the next.
const RECIPIENT: &str = "recipient";
const OF_RECIPIENT: [&str; 3] = ["name", "type", RECIPIENT];

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
        let access: toml::Table = access.chain(recipients(&whole)).collect();
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

/// For whom recovery wraps are, in whatever order: that is the order in which they are tried.
fn recipients(whole: &toml::Table) -> Option<(String, toml::Value)> {
    let all = whole.get("kms")?.as_array()?.iter();
    let all = all.filter_map(toml::Value::as_table);
    let offline = all.filter(|kms| kms.contains_key(RECIPIENT)).map(|kms| {
        let mut kms = kms.clone();
        kms.retain(|field, _value| OF_RECIPIENT.contains(&field));
        kms
    });
    let mut offline: Vec<_> = offline.collect();
    offline.sort_by_key(written);
    let offline: Vec<_> = offline.into_iter().map(toml::Value::Table).collect();
    (!offline.is_empty()).then(|| ("kms".to_owned(), toml::Value::Array(offline)))
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
        let safe = "{4:name=4:safe9:recipient=4:age14:type=8:recovery}";
        let keys = WatchedSections::of(keys).unwrap();
        assert_eq!(keys.access, format!("{default}{sequencer}3:kms=[{safe}]"));
        assert_eq!(
            of.approvals,
            "11:break-glass=false;10:operations=[11:keys.delete]"
        );
        assert_eq!(
            of.audit,
            "4:rate=f3fe0000000000000;5:since=d10:1979-05-276:window=3:10s"
        );
    }

    /// Whoever was let wrap the keys for one recipient was not let do so for another. Where else a KMS is differs from process to process.
    #[test]
    fn for_whom_recovery_wraps_are_counts_and_where_another_kms_is_does_not() {
        let of = |sections: &[&str]| {
            let sections = sections.iter().map(|it| format!("[[kms]]\n{it}\n"));
            WatchedSections::of(&sections.collect::<String>()).unwrap()
        };
        let safe = "name = \"safe\"\ntype = \"recovery\"\nrecipient = \"age1\"";
        let cloud = "name = \"cloud\"\ntype = \"aws\"\nregion = \"eu\"";
        let first = of(&[safe]);
        for other in [
            "name = \"other\"\ntype = \"recovery\"\nrecipient = \"age1\"",
            "name = \"safe\"\ntype = \"recovery\"\nrecipient = \"age2\"",
            cloud,
        ] {
            assert_ne!(of(&[other]), first, "{other}");
        }
        assert_ne!(of(&[safe, &safe.replace("safe", "cellar")]), first);
        let calls = format!("{safe}\ncalls = {{ timeout = \"5s\" }}");
        assert_eq!(of(&[&calls]), first);
        for elsewhere in ["eu", "us"] {
            let elsewhere = cloud.replace("eu", elsewhere);
            assert_eq!(of(&[&elsewhere, safe]), first);
            assert_eq!(of(&[safe, &elsewhere]), first, "in whatever order");
        }
        assert_eq!(of(&[cloud]), WatchedSections::of("").unwrap());
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
