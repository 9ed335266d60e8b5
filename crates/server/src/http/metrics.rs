//! `/metrics`: numbers as OpenMetrics text (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).

mod backups;
mod calls;
mod canton;
mod kms;
mod process;
mod standing;
mod vault;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use strongroom_vault::Vault;

pub(crate) use self::calls::Calls;
pub use self::{kms::KmsNumbers, vault::vault_metrics};
use super::Pages;
use crate::scheduled_backups::ScheduledBackups;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn metrics(State(pages): State<Pages>) -> Response {
    let (scheduled, kms) = (pages.backups.as_ref(), pages.kms.as_deref());
    match text(&pages.vault, &pages.calls, scheduled, kms).await {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the numbers could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// All numbers, as text.
pub(crate) async fn text(
    vault: &Vault,
    calls: &Calls,
    scheduled: Option<&ScheduledBackups>,
    kms: Option<&dyn KmsNumbers>,
) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::default();
    calls.register(&mut registry);
    process::register(&mut registry);
    let numbers = vault.numbers_as_known().await;
    if let Some(identity) = vault.identity() {
        canton::register(&mut registry, identity.member.code, &numbers);
    }
    let ours = registry.sub_registry_with_prefix("strongroom");
    vault::register(ours, &numbers);
    standing::register(ours, vault).await;
    if let Some(scheduled) = scheduled {
        backups::register(ours, scheduled);
    }
    if let Some(kms) = kms {
        kms::register(ours, &kms.now());
    }
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}
