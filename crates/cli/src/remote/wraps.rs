//! Every wrap of a server's vault, tried there.

use std::time::Duration;

use strongroom_crypto::Timestamp;
use strongroom_server::contract::strongroom::{
    CheckWrapsRequest, WrapperKeyName,
    check_wraps_response::{Loss, State, Tried},
};

use super::{RemoteError, Server, wrapper_keys::named};
use crate::{
    commands::wrapper_key::{
        WrapperKeyView,
        check::{LossView, Report, StateView, StatusView},
    },
    output,
};

impl Server {
    pub(crate) async fn check_wraps(&self) -> anyhow::Result<Report> {
        let opening = self.wrapper_keys().await?.opening;
        let checked = self.operations().check_wraps(CheckWrapsRequest {}).await;
        let checked = checked.map_err(RemoteError::from)?.into_inner();
        Ok(Report::new(
            opening,
            checked.wraps.into_iter().map(tried).collect(),
            checked.wrapper_keys.into_iter().map(state).collect(),
            checked.losses.into_iter().map(loss).collect(),
            &checked.alone,
        ))
    }
}

fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn tried(wrap: Tried) -> StatusView {
    let name = wrap.wrapper_key.unwrap_or_default();
    let latency = wrap.latency.map(Duration::from_micros);
    StatusView {
        kms: name.kms,
        wrapper_key_id: name.wrapper_key_id,
        data_key_id: wrap.data_key_id,
        opens: wrap.code.is_empty(),
        offline: wrap.offline,
        code: some(wrap.code),
        reason: some(wrap.reason),
        latency_ms: latency.map(|time| time.as_secs_f64() * 1000.0),
    }
}

fn state(key: State) -> StateView {
    let name = key.wrapper_key.unwrap_or_default();
    let since = key.known_since.map(Timestamp::from_micros);
    StateView {
        kms: name.kms,
        wrapper_key_id: name.wrapper_key_id,
        state: key.state,
        code: some(key.code),
        known_since: since.map(output::moment),
        reason: some(key.reason),
    }
}

fn loss(loss: Loss) -> LossView {
    let views = |names: Vec<WrapperKeyName>| -> Vec<WrapperKeyView> {
        names.into_iter().map(named).collect()
    };
    LossView {
        kms: loss.kms,
        vault_lost: loss.vault_lost,
        remaining: views(loss.remaining),
        offline: views(loss.offline),
        keys_lost: loss.keys_lost,
    }
}
