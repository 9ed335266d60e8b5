//! Changing a configuration file that people wrote: everything but the change stays as it is, comments too.

use std::path::Path;

use serde::Serialize;
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::{Config, ConfigError, Protection, StoreConfig};

/// `text`, a valid configuration, with another protection of the KMS called `kms`.
///
/// # Errors
/// [`ConfigError::Syntax`] and the other errors of [`Config::parse`] when `text` is not valid;
/// [`ConfigError::Uneditable`] when there is no such KMS, or when the changed text would not say what is wanted.
pub fn with_protection(
    text: &str,
    kms: &str,
    protection: &Protection,
) -> Result<String, ConfigError> {
    let mut wanted = Config::parse(text)?;
    let named = wanted.kms.iter_mut().find(|section| section.name == kms);
    let local = named.and_then(|section| section.provider.local_mut());
    local.ok_or(ConfigError::Uneditable)?.protection = protection.clone();

    let mut document: DocumentMut = text.parse().map_err(not_editable)?;
    let place = document
        .get_mut("kms")
        .and_then(|sections| section_named(sections, kms))
        .and_then(|section| section.get_mut("protection"))
        .ok_or(ConfigError::Uneditable)?;
    replace(place, inline(protection)?)?;
    let changed = document.to_string();
    // Whatever the text looked like: it is either changed as wanted or not at all.
    if Config::parse(&changed).is_ok_and(|config| config == wanted) {
        Ok(changed)
    } else {
        Err(ConfigError::Uneditable)
    }
}

/// `text`, a valid configuration, with another database; none: the file in the vault's folder.
///
/// # Errors
/// [`ConfigError::Syntax`] and the other errors of [`Config::parse`] when `text` is not valid, or `store` is not;
/// [`ConfigError::Uneditable`] when the changed text would not say what is wanted.
pub fn with_store(text: &str, store: Option<&StoreConfig>) -> Result<String, ConfigError> {
    #[derive(Serialize)]
    struct Wrapped<'a> {
        store: &'a StoreConfig,
    }
    let mut wanted = Config::parse(text)?;
    wanted.store = store.cloned();
    wanted.validate()?;
    let mut document: DocumentMut = text.parse().map_err(not_editable)?;
    document.remove("store");
    if let Some(store) = store {
        let section = toml::to_string(&Wrapped { store });
        let section = section.map_err(|source| ConfigError::Unwritable {
            source: Box::new(source),
        })?;
        // Appended as text: after the last section, whatever that is, a section of its own begins.
        let before = document.to_string();
        let changed = format!("{}\n\n{section}", before.trim_end());
        document = changed.parse().map_err(not_editable)?;
    }
    let changed = document.to_string();
    if Config::parse(&changed).is_ok_and(|config| config == wanted) {
        Ok(changed)
    } else {
        Err(ConfigError::Uneditable)
    }
}

/// `text`, a valid configuration, for another process of the same vault: with this name among the others and this anchor.
///
/// # Errors
/// As [`with_store`].
pub fn with_replica(text: &str, name: &str, anchor: &Path) -> Result<String, ConfigError> {
    let mut wanted = Config::parse(text)?;
    wanted.replica.name = Some(name.to_owned());
    wanted.vault.anchor = Some(anchor.to_owned());
    wanted.validate()?;
    let anchor = anchor.to_str().ok_or(ConfigError::Uneditable)?;
    let mut document: DocumentMut = text.parse().map_err(not_editable)?;
    set(&mut document, "vault", "anchor", anchor)?;
    set(&mut document, "replica", "name", name)?;
    let changed = document.to_string();
    if Config::parse(&changed).is_ok_and(|config| config == wanted) {
        Ok(changed)
    } else {
        Err(ConfigError::Uneditable)
    }
}

/// Sets a field of a section, which is made if it is not there; what stands behind the field stays.
fn set(
    document: &mut DocumentMut,
    section: &str,
    field: &str,
    text: &str,
) -> Result<(), ConfigError> {
    let made = || Item::Table(Table::new());
    let section = document.entry(section).or_insert_with(made);
    let section = section.as_table_like_mut().ok_or(ConfigError::Uneditable)?;
    let mut value = Value::from(text);
    match section.get_mut(field) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            section.insert(field, Item::Value(value));
        }
    }
    Ok(())
}

/// `[[kms]]` sections, or one array of inline tables.
fn section_named<'a>(sections: &'a mut Item, name: &str) -> Option<&'a mut dyn TableLike> {
    let is_it = |section: &dyn TableLike| section.get("name").and_then(Item::as_str) == Some(name);
    match sections {
        Item::ArrayOfTables(tables) => tables
            .iter_mut()
            .find(|table| is_it(*table))
            .map(|table| table as &mut dyn TableLike),
        Item::Value(Value::Array(array)) => array
            .iter_mut()
            .filter_map(Value::as_inline_table_mut)
            .find(|table| is_it(*table))
            .map(|table| table as &mut dyn TableLike),
        _ => None,
    }
}

/// Puts `new` in the place of an inline table, or of the fields of a section of its own.
fn replace(place: &mut Item, new: InlineTable) -> Result<(), ConfigError> {
    match place {
        Item::Value(old) => {
            let mut new = Value::InlineTable(new);
            *new.decor_mut() = old.decor().clone();
            *old = new;
            Ok(())
        }
        Item::Table(section) => {
            replace_fields(section, new);
            Ok(())
        }
        _ => Err(ConfigError::Uneditable),
    }
}

fn replace_fields(section: &mut Table, new: InlineTable) {
    section.retain(|name, _old| new.contains_key(name));
    for (name, mut value) in new {
        match section.get_mut(&name) {
            Some(Item::Value(old)) => {
                *value.decor_mut() = old.decor().clone();
                *old = value;
            }
            _ => {
                section.insert(&name, Item::Value(value));
            }
        }
    }
}

/// `protection` as an inline table, in the form that the configuration has.
fn inline(protection: &Protection) -> Result<InlineTable, ConfigError> {
    #[derive(Serialize)]
    struct Wrapped<'a> {
        protection: &'a Protection,
    }
    let text =
        toml::to_string(&Wrapped { protection }).map_err(|source| ConfigError::Unwritable {
            source: Box::new(source),
        })?;
    let mut document: DocumentMut = text.parse().map_err(not_editable)?;
    let table = document.remove("protection");
    match table.map(Item::into_value) {
        Some(Ok(Value::InlineTable(mut table))) => {
            table.fmt();
            Ok(table)
        }
        _ => Err(ConfigError::Uneditable),
    }
}

fn not_editable(_quotes_the_text: toml_edit::TomlError) -> ConfigError {
    ConfigError::Uneditable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EXAMPLE, PromptTag, SecretSource};

    fn passphrase(path: &str) -> Protection {
        Protection::Passphrase {
            from: SecretSource::File(path.into()),
        }
    }

    #[test]
    fn nothing_but_the_protection_changes() {
        let old = r#"{ type = "unprotected-key-file" }"#;
        let at = EXAMPLE.rfind(old).unwrap();
        let (before, after) = EXAMPLE.split_at(at);
        let changed = with_protection(EXAMPLE, "local", &passphrase("/run/secret")).unwrap();
        let new = r#"{ type = "passphrase", from = { file = "/run/secret" } }"#;
        assert_eq!(
            changed,
            format!("{before}{}", after.replacen(old, new, 1)),
            "comments, order and white space stay"
        );
        assert_eq!(
            with_protection(&changed, "local", &Protection::UnprotectedKeyFile {}).unwrap(),
            EXAMPLE
        );
    }

    #[test]
    fn what_the_program_wrote_itself_can_be_changed_too() {
        let mut config = Config::parse(EXAMPLE).unwrap();
        let mut second = config.kms[0].clone();
        second.name = "second".to_owned();
        config.kms.push(second);
        let text = format!("# mine\n{}# the end\n", config.to_toml().unwrap());
        for protection in [
            passphrase("/run/secret"),
            Protection::Passphrase {
                from: SecretSource::Prompt(PromptTag {}),
            },
            Protection::Passphrase {
                from: SecretSource::Environment("PASSPHRASE".to_owned()),
            },
            Protection::UnprotectedKeyFile {},
        ] {
            config.kms[1].provider.local_mut().unwrap().protection = protection.clone();
            let changed = with_protection(&text, "second", &protection).unwrap();
            assert_eq!(Config::parse(&changed).unwrap(), config, "{changed}");
            assert!(changed.starts_with("# mine\n"), "{changed}");
            assert!(changed.ends_with("# the end\n"), "{changed}");
            // And from there to another one.
            let back = with_protection(&changed, "second", &passphrase("/b")).unwrap();
            assert!(Config::parse(&back).is_ok(), "{back}");
        }
    }

    #[test]
    fn dotted_fields_and_inline_sections_can_be_changed() {
        // The one that counts, at the beginning of its line: others stand in comments.
        let at = EXAMPLE
            .rfind("\nprotection = { type = \"unprotected-key-file\" }")
            .unwrap();
        let (before, after) = EXAMPLE.split_at(at);
        let dotted = after.replacen(
            r#"protection = { type = "unprotected-key-file" }"#,
            r#"protection.type = "unprotected-key-file" # for now"#,
            1,
        );
        let changed =
            with_protection(&format!("{before}{dotted}"), "local", &passphrase("/a")).unwrap();
        assert!(changed.contains("# for now"), "{changed}");
        let vault = EXAMPLE.lines().skip_while(|line| *line != "[vault]");
        let id = vault
            .clone()
            .find(|line| line.starts_with("id = "))
            .unwrap();
        let text = format!(
            "kms = [{{ name = 'a', type = 'local', key-file = '/k', \
             protection = {{ type = 'unprotected-key-file' }} }}] # one\n[vault]\n{id}\n"
        );
        let changed = with_protection(&text, "a", &passphrase("/a")).unwrap();
        assert!(changed.contains("] # one\n[vault]\n"), "{changed}");
    }

    #[test]
    fn the_database_is_named_changed_and_left_out_again() {
        let mut store = StoreConfig::new("postgres://u@db.example/ledger");
        store.password = Some(SecretSource::File("/run/secrets/db".into()));
        let moved = with_store(EXAMPLE, Some(&store)).unwrap();
        assert!(moved.starts_with(EXAMPLE.trim_end()), "{moved}");
        let mut config = Config::parse(EXAMPLE).unwrap();
        config.store = Some(store.clone());
        assert_eq!(Config::parse(&moved).unwrap(), config);
        store.schema = "second".to_owned();
        let again = with_store(&moved, Some(&store)).unwrap();
        assert_eq!(Config::parse(&again).unwrap().store, Some(store));
        let back = with_store(&again, None).unwrap();
        assert_eq!(back.trim_end(), EXAMPLE.trim_end());
    }

    #[test]
    fn another_process_has_its_own_name_and_anchor() {
        let other = with_replica(EXAMPLE, "eu-2", Path::new("/own/anchor.json")).unwrap();
        let mut config = Config::parse(EXAMPLE).unwrap();
        config.replica.name = Some("eu-2".to_owned());
        config.vault.anchor = Some("/own/anchor.json".into());
        assert_eq!(Config::parse(&other).unwrap(), config);
        let again = with_replica(&other, "eu-3", Path::new("/third.json")).unwrap();
        assert_eq!(
            again.matches("[replica]").count(),
            other.matches("[replica]").count()
        );
        assert!(again.contains("# The vault's identity"), "{again}");
        assert!(with_replica(EXAMPLE, "a\nb", Path::new("/own")).is_err());
    }

    #[test]
    fn a_database_that_cannot_be_is_not_written_down() {
        let store = StoreConfig::new("mysql://u@db.example/ledger");
        assert!(with_store(EXAMPLE, Some(&store)).is_err());
    }

    #[test]
    fn an_unknown_kms_is_refused() {
        let wanted = passphrase("/a");
        assert!(matches!(
            with_protection(EXAMPLE, "other", &wanted),
            Err(ConfigError::Uneditable)
        ));
    }
}
