//! From the errors of AWS to those of the traits.

use serde_json::Value;
use strongroom_kms::{KmsError, KmsKeyId, KmsOperation};

use crate::house::Reply;

/// The answer, or what its error means. An error that names another key than `key` is about that one.
pub(super) fn told(
    reply: Reply,
    operation: KmsOperation,
    key: Option<&KmsKeyId>,
) -> Result<Value, KmsError> {
    let (kind, text) = match reply {
        Reply::Answer(200, _, body) => return Ok(body),
        Reply::Answer(_, _, body) => {
            let member = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            (member("__type"), member("message"))
        }
        other => {
            let source = format!("{other:?}").into();
            return Err(KmsError::Unavailable { source });
        }
    };
    let id = named(&text).or_else(|| key.cloned());
    let Some(id) = id else {
        panic!("{kind} without a key: {text}");
    };
    Err(match kind.as_str() {
        "NotFoundException" => KmsError::KeyNotFound { id },
        "DisabledException" => KmsError::KeyDisabled { id },
        "KMSInvalidStateException" => KmsError::KeyPendingDeletion { id },
        "InvalidKeyUsageException" | "UnsupportedOperationException" => {
            KmsError::WrongPurpose { id, operation }
        }
        "InvalidCiphertextException" | "IncorrectKeyException" => match operation {
            KmsOperation::Decrypt => KmsError::DecryptFailed { id },
            _ => KmsError::UnwrapFailed { id },
        },
        _ => panic!("{kind}: {text}"),
    })
}

/// The id in the ARN that a text names.
fn named(text: &str) -> Option<KmsKeyId> {
    let (_, rest) = text.split_once(":key/")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    KmsKeyId::try_new(rest.get(..end.unwrap_or(rest.len()))?).ok()
}
