//! An exception from a lint gives its reason.

use super::{
    code::{next_attribute, words},
    tree::Source,
    violation::Violation,
};

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let code = &source.all.code;
    let mut violations = Vec::new();
    let mut from = 0;
    while let Some(attribute) = next_attribute(code, from) {
        from = attribute.end;
        if is_exception(attribute.text) && !words(attribute.text).any(|(_, word)| word == "reason")
        {
            let line = source.all.line(attribute.start);
            violations.push(Violation::at(
                &source.path,
                line,
                "an exception from a lint must give its reason",
            ));
        }
    }
    violations
}

fn is_exception(attribute: &str) -> bool {
    words(attribute).any(|(offset, word)| {
        let called = attribute
            .get(offset + word.len()..)
            .is_some_and(|rest| rest.trim_start().starts_with('('));
        called && ["allow", "expect"].contains(&word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{tree::source, violation::texts};

    fn found(text: &str) -> Vec<String> {
        texts(&check(&source("crates/a/src/a.rs", text)))
    }

    #[test]
    fn exceptions_with_a_reason_and_other_attributes_pass() {
        for good in [
            "#[expect(clippy::panic, reason = \"it rains\")]",
            "#![allow(\n  missing_docs,\n  reason = \"it rains\"\n)]",
            "#[should_panic(expected = \"x\")]",
            "#[test] fn a() { x.expect(\"y\") }",
            "// #[allow(x)]",
        ] {
            assert_eq!(found(good), [""; 0], "{good}");
        }
    }

    #[test]
    fn exceptions_without_one_are_found() {
        for bad in [
            "\n#[allow(dead_code)]",
            "\n#![expect(a, b)]",
            "\n#[cfg_attr(test, allow(x))]",
        ] {
            let expected = "crates/a/src/a.rs:2: an exception from a lint must give its reason";
            assert_eq!(found(bad), [expected], "{bad}");
        }
    }
}
