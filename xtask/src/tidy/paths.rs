//! No path of anybody's machine stands in the tree.

use std::path::Path;

use super::{tree::Tree, violation::Violation};

/// Folders at the root of a file system below which people and build servers keep checkouts.
const HOMES: [&str; 6] = ["home", "root", "Users", "work", "workspace", "workspaces"];

/// The home of nobody in particular, for examples.
const EXAMPLE: &str = "/home/operator/";

pub(super) fn check(tree: &Tree, root: &Path) -> Vec<Violation> {
    let mut forbidden: Vec<_> = HOMES.iter().map(|folder| format!("/{folder}/")).collect();
    // A checkout right below the root of the file system could share its name with anything.
    if root.components().count() > 2 {
        forbidden.push(root.display().to_string());
    }
    let mut violations = Vec::new();
    for file in tree.files() {
        for (index, line) in file.text.lines().enumerate() {
            let line = line.replace(EXAMPLE, "");
            if let Some(path) = forbidden.iter().find(|path| starts_in(&line, path)) {
                let rule = format!("holds a path of somebody's machine ({path}…)");
                violations.push(Violation::at(&file.path, index + 1, rule));
            }
        }
    }
    violations
}

/// Whether an absolute path that begins with `path` begins anywhere in `line`.
fn starts_in(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(offset, _)| {
        let before = line
            .get(..offset)
            .and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/~}>".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{tree::tree, violation::texts};

    fn found(line: &str) -> Vec<String> {
        let tree = tree(&[("docs/a.md", &format!("first\n{line}\n"))]);
        texts(&check(&tree, Path::new("/srv/checkouts/strongroom")))
    }

    #[test]
    fn homes_and_the_checkout_are_found() {
        let home = format!("see /{}/ada/notes", "home");
        assert_eq!(found(&home).len(), 1);
        assert!(found(&home)[0].starts_with("docs/a.md:2: "));
        assert_eq!(found("`/srv/checkouts/strongroom/target`").len(), 1);
        assert_eq!(found(&format!("(/{}/x)", "root")).len(), 1);
    }

    #[test]
    fn relative_paths_and_addresses_are_not() {
        for good in [
            "docs/work/x",
            "https://example.org/home/x",
            "../work/x",
            "$HOME/x",
            "~/root/x",
            "<dir>/home/x",
            "/home/operator/.config",
        ] {
            assert_eq!(found(good), [""; 0], "{good}");
        }
    }
}
