//! How keys and aliases are named: by id, ARN, alias name and alias ARN.

use super::error::AwsError;
use super::input::check_length;

/// What a text names.
pub(super) enum Named {
    Key(String),
    /// With its prefix `alias/`.
    Alias(String),
}

impl Named {
    /// Reads a key id as callers write it.
    pub(super) fn read(text: &str, region: &str, account: &str) -> Result<Self, AwsError> {
        check_length(text.len(), "keyId", &(1..=2048))?;
        let Some(arn) = text.strip_prefix("arn:") else {
            return if text.starts_with("alias/") {
                Ok(Self::Alias(text.to_owned()))
            } else {
                Ok(Self::Key(text.to_owned()))
            };
        };
        let parts: Vec<&str> = arn.splitn(5, ':').collect();
        let ["aws", "kms", of_region, of_account, resource] = *parts.as_slice() else {
            return Err(AwsError::new(
                "InvalidArnException",
                format!("Invalid arn {text}"),
            ));
        };
        if of_region != region {
            // The text that AWS sends.
            let message = format!("Invalid arn {of_region}");
            return Err(AwsError::new("NotFoundException", message));
        }
        if of_account != account {
            return Err(AwsError::new(
                "AccessDeniedException",
                "The resource belongs to another account",
            ));
        }
        if resource.starts_with("alias/") {
            return Ok(Self::Alias(resource.to_owned()));
        }
        match resource.strip_prefix("key/") {
            Some(id) => Ok(Self::Key(id.to_owned())),
            None => Err(AwsError::new(
                "InvalidArnException",
                format!("Invalid arn {text}"),
            )),
        }
    }
}
