//! Words that do not belong into a source file.

use super::{code::words, tree::Source, violation::Violation};

/// Macros of code that is not finished.
const UNFINISHED: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// The one crate that may hold `unsafe` code.
const MAY_BE_UNSAFE: &str = "memory";

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let code = &source.all.code;
    let broken = |(offset, word): (usize, &str)| {
        let is_macro = code
            .get(offset + word.len()..)
            .is_some_and(|rest| rest.starts_with('!'));
        let rule = if is_macro && UNFINISHED.contains(&word) {
            format!("{word}! is for unfinished code")
        } else if word == "unsafe" && source.crate_name() != MAY_BE_UNSAFE {
            format!("only the crate {MAY_BE_UNSAFE} may hold unsafe code")
        } else {
            return None;
        };
        Some(Violation::at(&source.path, source.all.line(offset), rule))
    };
    words(code).filter_map(broken).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{tree::source, violation::texts};

    fn found(path: &str, text: &str) -> Vec<String> {
        texts(&check(&source(path, text)))
    }

    #[test]
    fn unfinished_code_is_found_in_tests_too() {
        let text = "fn a() {\n todo!()\n}\nfn todo() { dbg!(todo) }\n// todo!()";
        assert_eq!(
            found("crates/a/tests/a.rs", text),
            [
                "crates/a/tests/a.rs:2: todo! is for unfinished code",
                "crates/a/tests/a.rs:4: dbg! is for unfinished code",
            ]
        );
    }

    #[test]
    fn unsafe_code_has_one_home() {
        let text = "#![deny(unsafe_code)] unsafe { f(\"unsafe\") }";
        assert_eq!(found("crates/memory/src/arena.rs", text), [""; 0]);
        assert_eq!(
            found("crates/vault/src/a.rs", text),
            ["crates/vault/src/a.rs:1: only the crate memory may hold unsafe code"]
        );
    }
}
