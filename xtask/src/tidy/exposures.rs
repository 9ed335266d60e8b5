//! Wherever the bytes of a secret become visible, a comment says why.

use std::collections::BTreeSet;

use super::{code::Code, tree::Source, violation::Violation};

const CALLS: [&str; 2] = [".expose()", ".expose_mut()"];
const REASON: &str = "EXPOSE:";
/// How many lines above the call the comment may stand. It may also stand anywhere in the same statement or right above
/// it: rustfmt spreads a call over as many lines as it has arguments.
const REACH: usize = 3;

pub(super) fn check(source: &Source) -> Vec<Violation> {
    let Some(production) = &source.production else {
        return Vec::new();
    };
    let comments: Vec<_> = production.comments.lines().collect();
    let calls = CALLS
        .iter()
        .flat_map(|call| production.code.match_indices(call));
    let lines = calls.map(|(offset, _)| (first_line(production, offset), production.line(offset)));
    let explained = |from: usize, to: usize| {
        let first = from.min(to.saturating_sub(REACH)).max(1);
        comments
            .iter()
            .take(to)
            .skip(first - 1)
            .any(|comment| comment.contains(REASON))
    };
    let unexplained: BTreeSet<_> = lines
        .filter(|(from, to)| !explained(*from, *to))
        .map(|(_, to)| to)
        .collect();
    let rule = format!(
        "a secret is exposed without a comment '{REASON} why' at the statement or within {REACH} lines above"
    );
    unexplained
        .into_iter()
        .map(|line| Violation::at(&source.path, line, rule.clone()))
        .collect()
}

/// The first line, from 1, whose comment belongs to what holds byte `offset`: a statement, or a literal from above its
/// opening brace.
fn first_line(source: &Code, offset: usize) -> usize {
    let before = source.code.get(..offset).unwrap_or_default();
    match before.rfind([';', '{', '}']) {
        None => 1,
        Some(brace)
            if before
                .get(brace..)
                .is_some_and(|rest| rest.starts_with('{')) =>
        {
            source.line(brace) - 1
        }
        Some(end) => source.line(end),
    }
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
    fn a_statement_may_have_as_many_lines_as_it_needs() {
        assert_eq!(
            found(
                "a();\n// EXPOSE: it is sealed.\nlet b = seal(\n  c,\n  d,\n  e,\n  key.expose(),\n)?;"
            ),
            0
        );
        assert_eq!(
            found(
                "// EXPOSE: it is kept.\nA => B {\n  c: d,\n  e: f,\n  g: h,\n  key: key.expose(),\n}"
            ),
            0
        );
        assert_eq!(
            found(
                "// EXPOSE: it is sealed.\na(key.expose());\nlet b = 1;\nlet c = 2;\nd(\n  key.expose())"
            ),
            1
        );
    }

    #[test]
    fn too_far_away_or_below_or_in_a_string_is_not() {
        assert_eq!(
            found("// EXPOSE: it is framed.\na();\n\n\n\nf(key.expose())"),
            1
        );
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
