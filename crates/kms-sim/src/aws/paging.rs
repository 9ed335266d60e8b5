//! Long lists come page by page.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::error::AwsError;
use super::input::check_range;

/// Where a page begins and how long it is at most.
pub(super) struct Page {
    after: Option<String>,
    limit: usize,
}

/// What markers begin with: the rest is the last item that was sent.
const MARKER: &str = "after/";

impl Page {
    /// Reads `Marker` and `Limit`.
    pub(super) fn read(
        marker: Option<String>,
        limit: Option<usize>,
        default: usize,
        limits: &RangeInclusive<usize>,
    ) -> Result<Self, AwsError> {
        let after = marker.map(|marker| {
            let after = marker.strip_prefix(MARKER).map(str::to_owned);
            after.ok_or_else(|| {
                AwsError::new("InvalidMarkerException", "Could not deserialize marker")
            })
        });
        Ok(Self {
            after: after.transpose()?,
            limit: check_range(limit.unwrap_or(default), "limit", limits)?,
        })
    }

    /// The answer with this page of `items`, which are ordered by their names, as the member `member`.
    pub(super) fn answer(self, member: &str, items: Vec<(String, Value)>) -> Value {
        let after = self.after;
        let mut rest = items
            .into_iter()
            .skip_while(|(name, _)| after.as_ref().is_some_and(|after| name <= after))
            .peekable();
        let page: Vec<(String, Value)> = rest.by_ref().take(self.limit).collect();
        let last = page.last().map(|(name, _)| format!("{MARKER}{name}"));
        let page: Vec<Value> = page.into_iter().map(|(_, item)| item).collect();
        if rest.peek().is_none() {
            json!({member: page, "Truncated": false})
        } else {
            json!({member: page, "Truncated": true, "NextMarker": last})
        }
    }
}
