//! The filters of requests (reference: admin services, section 1, "Filters").

use strongroom_topology::{MemberCode, UniqueIdentifier};

use crate::failure::{Failure, in_words};

/// Whether a name passes a filter `identifier::namespace`: with a namespace the identifier must be the same and the namespace
/// begin so, without one the identifier must begin so. An empty filter lets everything pass.
pub(super) fn uid(filter: &str, uid: &UniqueIdentifier) -> bool {
    match filter.split_once("::") {
        Some((identifier, namespace)) => {
            uid.identifier() == identifier && begins(namespace, uid.namespace())
        }
        None => uid.identifier().starts_with(filter),
    }
}

/// Whether something begins so, as text.
pub(super) fn begins(prefix: &str, text: &impl ToString) -> bool {
    prefix.is_empty() || text.to_string().starts_with(prefix)
}

/// Whether something is this, as text. An empty filter lets everything pass.
pub(super) fn is(wanted: &str, text: &impl ToString) -> bool {
    wanted.is_empty() || text.to_string() == wanted
}

/// The kind of node that a filter names: `PAR`, `SEQ`, `MED`; empty: any.
pub(super) fn member_code(text: &str) -> Result<Option<MemberCode>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    let code = text.parse::<MemberCode>();
    code.map(Some)
        .map_err(|error| Failure::unreadable(in_words(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_may_be_cut_and_with_a_namespace_only_that() {
        let namespace = format!("1220{}", "ab".repeat(32));
        let node: UniqueIdentifier = format!("participant1::{namespace}").parse().unwrap();
        for filter in [
            "",
            "part",
            "participant1",
            "participant1::",
            "participant1::1220ab",
        ] {
            assert!(uid(filter, &node), "{filter}");
        }
        for filter in [
            "participant2",
            "part::1220ab",
            "participant1::1220cd",
            "::1220ab",
        ] {
            assert!(!uid(filter, &node), "{filter}");
        }
    }
}
