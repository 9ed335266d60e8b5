//! How long a synchronizer waits for its members.

use std::time::Duration;

use super::v30;
use crate::{ProtoError, public_key::decode};

const MESSAGE: &str = "DynamicSynchronizerParameters";

/// How long a synchronizer waits for its members before it decides without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "mirrors the message, of which exactly these fields are read"
)]
pub struct ReactionTimeouts {
    /// For confirmations of participants.
    pub confirmation_response: Duration,
    /// After that, for verdicts of mediators.
    pub mediator_reaction: Duration,
}

/// Reads the timeouts from the parameters of a synchronizer, as its mapping keeps them.
///
/// # Errors
/// [`ProtoError::Malformed`]; [`ProtoError::FieldNotSet`]; [`ProtoError::InvalidTime`] for a negative one.
pub fn decode_reaction_timeouts(parameters: &[u8]) -> Result<ReactionTimeouts, ProtoError> {
    let message: v30::DynamicSynchronizerParameters = decode(MESSAGE, parameters)?;
    Ok(ReactionTimeouts {
        confirmation_response: duration(
            "confirmation_response_timeout",
            message.confirmation_response_timeout,
        )?,
        mediator_reaction: duration(
            "mediator_reaction_timeout",
            message.mediator_reaction_timeout,
        )?,
    })
}

fn duration(
    field: &'static str,
    value: Option<prost_types::Duration>,
) -> Result<Duration, ProtoError> {
    let message = MESSAGE;
    let value = value.ok_or(ProtoError::FieldNotSet { message, field })?;
    Duration::try_from(value).map_err(|_negative| ProtoError::InvalidTime { message, field })
}
