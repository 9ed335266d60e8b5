//! The parameters of a request that stand in its address.

use std::collections::BTreeMap;

use serde_json::Value;

use super::enums::Encoding;
use super::error::GcpError;

/// The parameters of a request that stand in its address.
#[derive(Debug)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    pub(super) fn read(text: &str) -> Result<Self, GcpError> {
        let mut parameters = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.insert(decoded(name)?, decoded(value)?);
        }
        Ok(Self(parameters))
    }

    /// A parameter that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name).map(String::as_str);
        text.filter(|text| !text.is_empty())
    }

    /// A parameter as it would stand in a body.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        self.text(name).map(Value::from)
    }

    /// Whether a parameter is `true`; false if it is not there.
    pub(super) fn flag(&self, name: &str) -> Result<bool, GcpError> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(GcpError::invalid(format!(
                "Invalid value at '{name}' (TYPE_BOOL), \"{other}\""
            ))),
        }
    }

    /// How enumerations are to be written.
    pub(super) fn encoding(&self) -> Encoding {
        let alt = self.text("$alt").or_else(|| self.text("alt"));
        match alt {
            Some(alt) if alt.ends_with("enum-encoding=int") => Encoding::Numbers,
            _ => Encoding::Names,
        }
    }

    /// The fields that a change is about, as JSON names them.
    pub(super) fn update_mask(&self) -> Result<Vec<String>, GcpError> {
        let mask = self.text("updateMask").unwrap_or_default();
        let fields: Vec<String> = mask
            .split(',')
            .filter(|field| !field.is_empty())
            .map(camel)
            .collect();
        if fields.is_empty() {
            return Err(GcpError::invalid("The request has no update_mask."));
        }
        Ok(fields)
    }
}

/// `rotation_period` is `rotationPeriod`; both are allowed in a mask.
fn camel(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    let mut after_underscore = false;
    for c in field.trim().chars() {
        if c == '_' {
            after_underscore = true;
        } else if after_underscore {
            name.push(c.to_ascii_uppercase());
            after_underscore = false;
        } else {
            name.push(c);
        }
    }
    name
}

/// Text without its percent signs (RFC 3986, 2.1; a plus is a space).
pub(super) fn decoded(text: &str) -> Result<String, GcpError> {
    let wrong = || GcpError::invalid(format!("Malformed address: {text}"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let value = digit().zip(digit()).map(|(high, low)| high * 16 + low);
                let value = value.ok_or_else(wrong)?;
                u8::try_from(value).map_err(|_out_of_range| wrong())?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_no_text| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query =
            Query::read("$alt=json%3Benum-encoding%3Dint&flag=true&updateMask=a_b%2Clabels")
                .unwrap();
        assert_eq!(query.encoding(), Encoding::Numbers);
        assert!(query.flag("flag").unwrap());
        assert!(!query.flag("other").unwrap());
        assert_eq!(query.update_mask().unwrap(), ["aB", "labels"]);
    }

    #[test]
    fn a_percent_sign_without_two_digits_is_refused() {
        for text in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert!(Query::read(text).is_err(), "{text}");
        }
    }
}
