//! Named values in the order in which people read them: an object in JSON, a field a line in a table.

use std::io::{self, Write};

use data_encoding::HEXLOWER;
use serde::{Serialize, Serializer};

use crate::output;

/// Names in the form of JSON documents, with their values.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

/// The value of a field.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Value {
    Nothing,
    Flag(bool),
    Number(u64),
    Text(String),
    /// Bytes that are shown by their number, and stand in hexadecimal digits in JSON.
    #[serde(serialize_with = "hexadecimal")]
    Bytes(Box<[u8]>),
    Many(Vec<Self>),
    Record(Fields),
}

fn hexadecimal<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&HEXLOWER.encode(bytes))
}

impl Fields {
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// Prints a field a line; of a list an element a line. What is not there is left out.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for (name, value) in &self.0 {
            let mut label = name.replace('_', " ");
            for line in value.lines() {
                writeln!(out, "  {label:<14} {}", output::printable(&line))?;
                label.clear();
            }
        }
        Ok(())
    }
}

impl Value {
    fn lines(&self) -> Vec<String> {
        match self {
            Self::Many(values) if values.is_empty() => vec!["none".to_owned()],
            Self::Many(values) => values.iter().filter_map(Self::inline).collect(),
            one => one.inline().into_iter().collect(),
        }
    }

    fn inline(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Flag(flag) => Some(if *flag { "yes" } else { "no" }.to_owned()),
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Bytes(bytes) => Some(format!("{} bytes", bytes.len())),
            Self::Many(values) => Some(joined(values.iter().filter_map(Self::inline))),
            Self::Record(fields) => Some(joined(fields.0.iter().filter_map(|field| match field {
                // In the middle of a line a bare yes or no says nothing.
                (name, Self::Flag(true)) => Some((*name).to_owned()),
                (_, Self::Flag(false)) => None,
                (_, value) => value.inline(),
            }))),
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Self::Record(fields)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl FromIterator<Self> for Value {
    fn from_iter<I: IntoIterator<Item = Self>>(values: I) -> Self {
        Self::Many(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let host = Fields::default()
            .with("participant", "p::1220")
            .with("onboarding", true)
            .with("observing", false);
        Fields::default()
            .with("login_after", None::<&str>)
            .with("threshold", 2)
            .with("is_root", false)
            .with(
                "hosts",
                Value::from_iter([Value::from(host), "b\n\u{1b}c".into()]),
            )
            .with("limits", &[1, 0xfe][..])
            .with("owners", Value::from_iter([]))
    }

    #[test]
    fn json_keeps_every_field_by_its_name() {
        let document = serde_json::to_value(fields()).unwrap();
        let expected = serde_json::json!({
            "login_after": null,
            "threshold": 2,
            "is_root": false,
            "hosts": [{"participant": "p::1220", "onboarding": true, "observing": false}, "b\n\u{1b}c"],
            "limits": "01fe",
            "owners": [],
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn a_table_has_an_element_a_line_and_nothing_that_steers_a_terminal() {
        let mut table = Vec::new();
        fields().write(&mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        let lines: Vec<_> = table.lines().map(|line| line.trim_start()).collect();
        let expected = [
            "threshold      2",
            "is root        no",
            "hosts          p::1220, onboarding",
            "b\\n\\u{1b}c",
            "limits         2 bytes",
            "owners         none",
        ];
        assert_eq!(lines, expected);
    }
}
