//! What the vault finds out about itself.

use std::sync::Arc;

use strongroom_vault::{FindingLimits, Vault, VaultError};
use tonic::Code;

use crate::{
    access::Operation,
    concurrency::ConcurrencyLimit,
    context::Context,
    contract::strongroom::{
        ExamineEvent, ExamineRequest, Finding, ShowConfigurationRequest, ShowConfigurationResponse,
        ShowNumbersRequest, ShowNumbersResponse,
        examine_event::{Done, Event, Progress},
    },
    failure::{Failure, codes, in_words},
    http::vault_metrics,
    long_work::{Doing, Telling},
    status::About,
};

/// Keys between two events.
const TELL_EVERY: usize = 100;

pub(super) async fn examine(
    vault: Arc<Vault>,
    context: Context,
    _message: ExamineRequest,
    telling: Arc<Telling<ExamineEvent>>,
    (findings, limit): (FindingLimits, ConcurrencyLimit),
) -> Result<impl Doing<ExamineEvent>, Failure> {
    let permit = limit.acquire(&context.subject).await?;
    Ok(async move {
        let _permit = permit;
        let event = |event| ExamineEvent { event: Some(event) };
        let progress = |done: usize, of: usize| {
            if done.is_multiple_of(TELL_EVERY) {
                let (done, of) = (done as u64, of as u64);
                telling.tell(event(Event::Progress(Progress { done, of })));
            }
        };
        // It changes nothing, so it can stop anywhere.
        let found = tokio::select! {
            found = vault.findings(&findings, progress) => found,
            () = telling.work().recall().called_off() => return Err(VaultError::CalledOff.into()),
        };
        let findings = found.into_iter().map(|finding| Finding {
            name: finding.name.to_owned(),
            severity: finding.severity.name().to_owned(),
            detail: finding.detail,
            code: finding.code.unwrap_or_default().to_owned(),
        });
        Ok(event(Event::Done(Done {
            findings: findings.collect(),
            vault_id: vault.id().to_string(),
            keys: vault.key_count() as u64,
        })))
    })
}

/// To ask each key management system is a check of the wrapper keys, which costs: whoever may see numbers need not be let do that.
pub(super) async fn numbers(
    vault: Arc<Vault>,
    context: Context,
    message: ShowNumbersRequest,
    limit: ConcurrencyLimit,
) -> Result<ShowNumbersResponse, Failure> {
    let numbers = if message.ask {
        context.check(Operation::WrapperKeysCheck)?;
        let _permit = limit.acquire(&context.subject).await?;
        vault.numbers().await
    } else {
        vault.numbers_as_known().await
    };
    let metrics = vault_metrics(&numbers);
    let metrics = metrics.map_err(|error| Failure::own(codes::SERVER_BUG, in_words(&error)))?;
    Ok(ShowNumbersResponse { metrics })
}

pub(super) async fn configuration(
    _vault: Arc<Vault>,
    _context: Context,
    _message: ShowConfigurationRequest,
    about: Arc<About>,
) -> Result<ShowConfigurationResponse, Failure> {
    let configuration = about.configuration.clone();
    let nothing = || Failure::Plain(Code::Unimplemented, "it has no configuration".to_owned());
    Ok(ShowConfigurationResponse {
        configuration: configuration.ok_or_else(nothing)?,
    })
}
