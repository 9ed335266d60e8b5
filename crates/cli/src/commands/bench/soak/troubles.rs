//! What changes around the server.

use std::time::Duration;

use rustix::process::Signal;
use strongroom_kms_sim::OutageKind;
use strongroom_server::contract::strongroom::{
    RotateWrapperKeyRequest, operations_service_client::OperationsServiceClient,
    rotate_wrapper_key_event::Event,
};

use super::house::House;

const KINDS: [OutageKind; 4] = [
    OutageKind::Refuse,
    OutageKind::InternalError,
    OutageKind::Reset,
    OutageKind::Hang,
];

/// How often what happened.
#[derive(Clone, Copy, Default)]
pub(super) struct Happened {
    pub(super) reloads: u32,
    pub(super) rotations: u32,
    pub(super) outages: u32,
}

pub(super) struct Troubles<'h> {
    house: &'h House,
    happened: Happened,
    kinds: std::iter::Cycle<std::array::IntoIter<OutageKind, 4>>,
}

impl<'h> Troubles<'h> {
    pub(super) fn of(house: &'h House) -> Self {
        Self {
            house,
            happened: Happened::default(),
            kinds: KINDS.into_iter().cycle(),
        }
    }

    pub(super) const fn happened(&self) -> Happened {
        self.happened
    }

    /// A round: each trouble in a quarter of it, and calm in the last.
    pub(super) async fn make(&mut self, round: Duration) -> anyhow::Result<()> {
        let quarter = round / 4;
        self.reload()?;
        tokio::time::sleep(quarter).await;
        self.rotate().await?;
        tokio::time::sleep(quarter).await;
        let how = self.kinds.next().unwrap_or(OutageKind::Refuse);
        self.house.cloud.break_down(how)?;
        tokio::time::sleep(quarter).await;
        self.house.cloud.clear_up()?;
        self.happened.outages += 1;
        tokio::time::sleep(quarter).await;
        Ok(())
    }

    /// Another certificate, which the server is told of. Connections that come from now on see it, or still the old one.
    fn reload(&mut self) -> anyhow::Result<()> {
        self.house.authority.renew_server()?;
        self.house.server.signal(Signal::HUP)?;
        self.happened.reloads += 1;
        Ok(())
    }

    async fn rotate(&mut self) -> anyhow::Result<()> {
        let channel = self.house.client()?.connect().await?;
        let request = RotateWrapperKeyRequest::default();
        let answer = OperationsServiceClient::new(channel)
            .rotate_wrapper_key(request)
            .await?;
        let (mut events, mut is_done) = (answer.into_inner(), false);
        while let Some(event) = events.message().await? {
            is_done |= matches!(event.event, Some(Event::Done(_)));
        }
        anyhow::ensure!(is_done, "a rotation of the wrapper key did not end");
        self.happened.rotations += 1;
        Ok(())
    }
}
