//! Tells the audit log what AWS calls a request.

use aws_sdk_kms::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeDeserializationInterceptorContextRef,
    },
    error::BoxError,
};
use strongroom_kms::report_request_id;

/// The header in which AWS names a request, in its answer to it.
const REQUEST_ID: &str = "x-amzn-requestid";

/// Looks at each answer before it is read.
#[derive(Debug)]
pub(crate) struct ReportRequestId;

impl Intercept for ReportRequestId {
    fn name(&self) -> &'static str {
        "ReportRequestId"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(id) = context.response().headers().get(REQUEST_ID) {
            report_request_id(id);
        }
        Ok(())
    }
}
