//! Long lists come page by page.

use serde_json::{Value, json};

use super::error::GcpError;
use super::query::Query;

/// How long a page is if nobody says, and at most.
const DEFAULT_SIZE: usize = 100;
const MAX_SIZE: usize = 1000;

/// What tokens begin with: the rest is the number of items that were sent.
const TOKEN: &str = "after-";

/// The answer with a page of `items` as the member `member`; each item is made when its page is sent.
pub(super) fn page<T>(
    query: &Query,
    member: &str,
    items: Vec<T>,
    document: impl Fn(T) -> Result<Value, GcpError>,
) -> Result<Value, GcpError> {
    for unheard in ["filter", "orderBy"] {
        if query.text(unheard).is_some() {
            return Err(GcpError::unimplemented(format!(
                "The simulator lists without {unheard}."
            )));
        }
    }
    let size = match query.text("pageSize").map(str::parse::<usize>) {
        None | Some(Ok(0)) => DEFAULT_SIZE,
        Some(Ok(size)) => size.min(MAX_SIZE),
        Some(Err(error)) => return Err(GcpError::invalid(format!("Invalid page_size: {error}"))),
    };
    let begin = match query.text("pageToken") {
        None => 0,
        Some(token) => token
            .strip_prefix(TOKEN)
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| GcpError::invalid("Invalid page_token."))?,
    };
    let total = items.len();
    let end = size.saturating_add(begin).min(total);
    let page = items.into_iter().skip(begin).take(size);
    let page = page.map(document).collect::<Result<Vec<Value>, _>>()?;
    let next = if end < total {
        format!("{TOKEN}{end}")
    } else {
        String::new()
    };
    Ok(json!({member: page, "nextPageToken": next, "totalSize": total}))
}
