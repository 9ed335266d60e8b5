//! What a server's vault finds out about itself.

use strongroom_config::Config;
use strongroom_server::contract::strongroom::{
    ExamineRequest, Finding, ShowConfigurationRequest, ShowNumbersRequest,
    examine_event::{Done, Event},
};

use super::{RemoteError, Server};

impl Server {
    pub(crate) async fn numbers(&self) -> anyhow::Result<String> {
        self.numbers_if(true).await
    }

    pub(crate) async fn numbers_as_known(&self) -> anyhow::Result<String> {
        self.numbers_if(false).await
    }

    /// `ask`: each KMS is asked for the state of its wrapper keys.
    async fn numbers_if(&self, ask: bool) -> anyhow::Result<String> {
        let request = ShowNumbersRequest { ask };
        let shown = self.operations().show_numbers(request).await;
        Ok(shown.map_err(RemoteError::from)?.into_inner().metrics)
    }

    pub(crate) async fn configuration(&self) -> anyhow::Result<Config> {
        let request = ShowConfigurationRequest {};
        let shown = self.operations().show_configuration(request).await;
        let shown = shown.map_err(RemoteError::from)?.into_inner();
        let config = Config::parse(&shown.configuration);
        Ok(config.map_err(|error| RemoteError::unreadable(&error))?)
    }

    /// Has the vault looked over. `tell` hears how many of the keys have been opened.
    pub(crate) async fn examine(&self, tell: impl Fn(u64, u64)) -> anyhow::Result<Examined> {
        let begun = self.operations().examine(ExamineRequest {}).await;
        let mut events = begun.map_err(RemoteError::from)?.into_inner();
        while let Some(told) = events.message().await.map_err(RemoteError::from)? {
            match told.event {
                Some(Event::Progress(progress)) => tell(progress.done, progress.of),
                Some(Event::Done(Done {
                    findings,
                    vault_id,
                    keys,
                })) => {
                    return Ok(Examined {
                        findings,
                        vault_id,
                        keys,
                    });
                }
                None => {}
            }
        }
        let reason = "it ended without saying what was found".to_owned();
        Err(RemoteError::Gone { reason }.into())
    }
}

/// A vault that was looked over.
pub(crate) struct Examined {
    findings: Vec<Finding>,
    pub(crate) vault_id: String,
    pub(crate) keys: u64,
}

impl Examined {
    /// Of each finding its name, severity, detail and code, which is empty if it is about none.
    pub(crate) fn into_findings(self) -> impl Iterator<Item = [String; 4]> {
        let findings = self.findings.into_iter();
        findings.map(|it| [it.name, it.severity, it.detail, it.code])
    }
}
