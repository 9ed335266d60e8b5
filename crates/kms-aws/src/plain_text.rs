//! Keeps requests from leaving this machine unencrypted.

use aws_sdk_kms::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef,
    },
    error::BoxError,
};
use strongroom_kms::is_loopback;

use crate::{error::AwsKmsError, settings::is_encrypted};

/// Looks at each request before it is sent: the client takes endpoints from the environment and from profiles too, where nobody
/// checks them.
#[derive(Debug)]
pub(crate) struct RefusePlainText;

impl Intercept for RefusePlainText {
    fn name(&self) -> &'static str {
        "RefusePlainText"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let url = context.request().uri();
        if is_encrypted(url) || is_loopback(url) {
            return Ok(());
        }
        let endpoint = url.to_owned();
        Err(AwsKmsError::EndpointInsecure { endpoint }.into())
    }
}
