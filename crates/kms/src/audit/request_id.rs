//! What the KMS calls a request: only the adapter sees it, only the log wants it.

use std::cell::RefCell;

use tokio::task_local;

task_local! {
    static REPORTED: RefCell<Option<String>>;
}

/// Longer ids are cut.
const MAX_CHARS: usize = 128;

/// For adapters: the id that the KMS gave the request of the call that is running (AWS: `x-amzn-requestid`). The audit log
/// shows it. Without a log around, nothing happens.
///
/// It comes from outside, so only its printable ASCII characters are kept.
pub fn report_request_id(id: &str) {
    let printable = id.chars().filter(char::is_ascii_graphic);
    let id: String = printable.take(MAX_CHARS).collect();
    // Fails only where no log listens.
    let _ = REPORTED.try_with(|reported| reported.replace(Some(id)));
}

/// Runs a call and takes what it reports.
pub(super) async fn collect<T>(call: impl Future<Output = T>) -> (T, Option<String>) {
    REPORTED
        .scope(RefCell::new(None), async {
            let answer = call.await;
            (answer, REPORTED.with(RefCell::take))
        })
        .await
}
