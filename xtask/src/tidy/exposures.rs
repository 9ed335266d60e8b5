//! Wherever the bytes of a secret become visible, a comment says why.

use super::{tree::Source, violation::Violation};

const CALLS: [&str; 2] = [".expose()", ".expose_mut()"];
const REASON: &str = "EXPOSE:";
/// How many lines above the call the comment may end.
const REACH: usize = 3;

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let Some(production) = &source.production else {
        return Vec::new();
    };
    let comments: Vec<_> = production.comments.lines().collect();
    let explained = |index: usize| {
        let near = comments
            .iter()
            .skip(index.saturating_sub(REACH))
            .take(index.min(REACH) + 1);
        near.clone().any(|comment| comment.contains(REASON))
    };
    let lines = production.code.lines().enumerate();
    let calls = lines.filter(|(_, line)| CALLS.iter().any(|call| line.contains(call)));
    calls
        .filter(|(index, _)| !explained(*index))
        .map(|(index, _)| {
            let rule = format!("a secret is exposed without a comment '{REASON} why' on the line or within {REACH} above");
            Violation::at(&source.path, index + 1, rule)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tree::source;

    fn found(text: &str) -> usize {
        check(&source("crates/a/src/a.rs", text)).len()
    }

    #[test]
    fn a_reason_on_the_line_or_shortly_above_is_enough() {
        assert_eq!(found("f(key.expose()) // EXPOSE: it is framed."), 0);
        assert_eq!(
            found("// EXPOSE: it is framed.\nf(\n    a,\n    key.expose_mut(),\n)"),
            0
        );
    }

    #[test]
    fn too_far_away_or_below_or_in_a_string_is_not() {
        assert_eq!(found("// EXPOSE: it is framed.\n\n\n\nf(key.expose())"), 1);
        assert_eq!(found("f(key.expose())\n// EXPOSE: it is framed."), 1);
        assert_eq!(found("f(key.expose(), \"EXPOSE: \")"), 1);
    }

    #[test]
    fn tests_documentation_and_other_methods_need_none() {
        assert_eq!(found("/// `key.expose()`\npub fn expose(&self) {}"), 0);
        assert_eq!(
            found("#[cfg(test)]\nmod tests {\n fn a() { key.expose() }\n}"),
            0
        );
        assert_eq!(
            check(&source("crates/a/tests/a.rs", "key.expose()")).len(),
            0
        );
    }
}
