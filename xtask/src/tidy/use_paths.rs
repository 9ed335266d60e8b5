//! Paths that a source file names, in `use` declarations and elsewhere.

use super::code::{bracketed, is_word};

/// A path such as `std::env::var`, and the byte offset where it stands.
pub(super) type PathAt = (usize, String);

/// All paths of `code` (without comments and literals), those of nested `use` trees written out.
pub(super) fn paths(code: &str) -> Vec<PathAt> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((start, path)) = next_path(code, at) {
        at = start + path.len();
        if path == "use" {
            let end = code
                .get(at..)
                .and_then(|rest| rest.find(';'))
                .map_or(code.len(), |length| at + length);
            expand(code.get(at..end).unwrap_or_default(), at, "", &mut found);
            at = end;
        } else {
            found.push((start, path.to_owned()));
        }
    }
    found
}

/// The next run of words joined by `::`.
fn next_path(code: &str, from: usize) -> Option<(usize, &str)> {
    let start = from + code.get(from..)?.find(is_word)?;
    let rest = code.get(start..)?;
    let mut length = 0;
    loop {
        let word = rest.get(length..)?;
        length += word.find(|c| !is_word(c)).unwrap_or(word.len());
        match rest.get(length..)?.strip_prefix("::") {
            Some(after) if after.starts_with(is_word) => length += 2,
            _ => return Some((start, rest.get(..length)?)),
        }
    }
}

/// Writes out `tree`, which begins at byte `offset` and continues `prefix`.
fn expand(tree: &str, offset: usize, prefix: &str, found: &mut Vec<PathAt>) {
    let Some(brace) = tree.find('{') else {
        let name = tree.split(" as ").next().unwrap_or_default();
        let path: String = name.chars().filter(|c| !c.is_whitespace()).collect();
        found.push((offset, format!("{prefix}{path}")));
        return;
    };
    let head: String = tree
        .get(..brace)
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect();
    let group = tree.get(brace..).unwrap_or_default();
    let inside = group
        .get(1..bracketed(group).saturating_sub(1))
        .unwrap_or_default();
    for (start, part) in parts(inside) {
        expand(
            part,
            offset + brace + 1 + start,
            &format!("{prefix}{head}"),
            found,
        );
    }
}

/// The parts of a group, separated by commas outside of inner groups.
fn parts(inside: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (offset, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = inside.get(start..offset).unwrap_or_default();
                let blank = part.len() - part.trim_start().len();
                if !part.trim().is_empty() {
                    parts.push((start + blank, part.trim()));
                }
                start = offset + 1;
            }
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str) -> Vec<String> {
        paths(code).into_iter().map(|(_, path)| path).collect()
    }

    #[test]
    fn nested_uses_are_written_out() {
        assert_eq!(
            names(
                "use std::{\n    env, process::{exit, Command as C},\n    fmt::{self},\n};\npub use a::b;"
            ),
            [
                "std::env",
                "std::process::exit",
                "std::process::Command",
                "std::fmt::self",
                "pub",
                "a::b"
            ]
        );
    }

    #[test]
    fn paths_in_expressions_are_found() {
        assert_eq!(
            names("let a = std::env::var(x)?;"),
            ["let", "a", "std::env::var", "x"]
        );
        assert_eq!(names("Vec::<u8>::new()"), ["Vec", "u8", "new"]);
    }

    #[test]
    fn offsets_point_at_the_name() {
        let code = "use std::{fs,\n  env};";
        let (offset, _) = paths(code)
            .into_iter()
            .find(|(_, path)| path == "std::env")
            .unwrap();
        assert_eq!(code.get(offset..offset + 3), Some("env"));
    }
}
