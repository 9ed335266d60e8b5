//! Files stay small enough to be read at one sitting.

use super::{tree::Tree, violation::Violation};

const MAX_LINES: usize = 600;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let sources = tree
        .files()
        .iter()
        .filter(|file| file.path.ends_with(".rs") && file.path.contains("/src/"));
    let long = sources
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES);
    long.map(|(file, lines)| {
        Violation::of(
            &file.path,
            format!("has {lines} lines, more than {MAX_LINES}: split it"),
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{tree::tree, violation::texts};

    #[test]
    fn six_hundred_lines_are_the_most() {
        let full = "\n".repeat(600);
        let over = "\n".repeat(601);
        let tree = tree(&[
            ("crates/a/src/a.rs", &full),
            ("crates/a/src/b.rs", &over),
            ("crates/a/tests/c.rs", &over),
        ]);
        assert_eq!(
            texts(&check(&tree)),
            ["crates/a/src/b.rs: has 601 lines, more than 600: split it"]
        );
    }
}
