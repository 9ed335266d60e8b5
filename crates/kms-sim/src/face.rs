//! What the server needs of a face: calls, and errors in the words of its cloud.

use serde_json::Value;

use crate::cloud::Cloud;
use crate::weather::{FaultKind, Meeting};

/// A request that was read.
pub(crate) trait Asked: Sized + Send + 'static {
    /// How its cloud refuses.
    type Refusal: Refusal;

    /// Meets the weather.
    fn meet(&self, cloud: &Cloud) -> Meeting;

    /// The full name of the key that the call is about, as far as the request tells.
    fn key(&self, cloud: &Cloud) -> Option<String>;

    /// The full name of the key that a call has made, which stands in its answer.
    fn made(document: &Value) -> Option<String>;

    /// Does the work, and answers with a document; `Null` is an empty answer.
    fn perform(self, cloud: &Cloud) -> Result<Value, Self::Refusal>;

    /// The content type of its cloud's answers.
    const CONTENT_TYPE: &'static str;
    /// The header in which its cloud tells the id of a request, if it does.
    const REQUEST_ID: Option<&'static str>;
}

/// An error in the words of a cloud.
pub(crate) trait Refusal: Send + 'static {
    /// The cloud is broken.
    fn internal(message: String) -> Self;

    /// The request is longer than the cloud takes.
    fn too_long() -> Self;

    /// A fault of the weather.
    fn of_fault(fault: FaultKind) -> Self;

    /// The HTTP status.
    fn status(&self) -> u16;

    /// The document that tells it.
    fn body(&self) -> Value;
}
