//! The trace of the caller, beside a call.

use strongroom_kms::current_trace;
use tonic::metadata::{MetadataMap, MetadataValue};

/// W3C Trace Context: `00-trace id-parent id-flags`.
const TRACEPARENT: &str = "traceparent";
/// For ids that are not of that form.
const TRACE_ID: &str = "strongroom-trace-id";

/// Adds the trace of the running task, if it has one.
pub(crate) fn write(metadata: &mut MetadataMap) {
    let Some(id) = current_trace() else {
        return;
    };
    let (name, value) = match parent_of(&id) {
        Some(parent) => (TRACEPARENT, format!("00-{id}-{parent}-01")),
        None => (TRACE_ID, id),
    };
    // Ids hold letters, digits and hyphens only, so they always fit; a log line less would be no reason to fail.
    if let Ok(value) = MetadataValue::try_from(value) {
        metadata.insert(name, value);
    }
}

/// The trace that a request belongs to.
pub(crate) fn read(metadata: &MetadataMap) -> Option<String> {
    let text = |name: &str| metadata.get(name)?.to_str().ok();
    let from_parent = text(TRACEPARENT).and_then(|value| {
        let id = value.split('-').nth(1)?;
        parent_of(id).map(|_| id.to_owned())
    });
    from_parent.or_else(|| text(TRACE_ID).map(ToOwned::to_owned))
}

/// The id of the caller's span, for a trace id of the W3C form: 32 small hex digits, not all zero. We keep no spans, so the
/// second half of the trace id stands for the one that there is.
fn parent_of(id: &str) -> Option<&str> {
    let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if id.len() != 32 || !id.bytes().all(is_hex) {
        return None;
    }
    // An id of zeros is invalid.
    id.get(16..)
        .filter(|parent| parent.bytes().any(|c| c != b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_kms::in_trace;

    async fn sent(id: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        in_trace(id, async { write(&mut metadata) }).await;
        metadata
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_id_of_the_w3c_form_travels_as_traceparent_and_any_other_by_itself() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let metadata = sent(id).await;
        let value = metadata.get(TRACEPARENT).unwrap();
        assert_eq!(
            value,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-a3ce929d0e0e4736-01"
        );
        assert_eq!(read(&metadata).as_deref(), Some(id));
        for other in ["request-7", "4bf92f3577b34da60000000000000000"] {
            let metadata = sent(other).await;
            assert!(metadata.get(TRACEPARENT).is_none());
            assert_eq!(read(&metadata).as_deref(), Some(other));
        }
    }

    #[test]
    fn without_a_trace_nothing_is_sent() {
        let mut metadata = MetadataMap::new();
        write(&mut metadata);
        assert!(metadata.is_empty());
        assert_eq!(read(&metadata), None);
    }
}
