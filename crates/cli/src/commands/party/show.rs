//! `party show`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_topology::{At, Mapping, PartyId, TopologyStore, UniqueKey};
use strongroom_vault::{SignatureCheckError, VaultError};

use super::view::{KeyView, write_keys};
use crate::{
    args::Global,
    client::{Client, Labels},
    commands::topology::args::{AtArg, StoreArg},
    output,
};

/// Show the keys of a party, how many of them must sign, and who hosts it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom party show bob::1220...\n  \
    strongroom party show bob::1220... --at 2026-07-01T12:00:00Z \\\n    --output json | jq .threshold")]
pub(crate) struct Options {
    /// The party: NAME::NAMESPACE.
    party: PartyId,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    at: AtArg,
}

#[derive(Serialize)]
struct Report {
    party: String,
    store: String,
    at: Option<String>,
    /// The mapping that has the keys: `party-to-participant`, or `party-to-key`, which is deprecated.
    keys_in: &'static str,
    /// How many keys must sign.
    threshold: u32,
    keys: Vec<KeyView>,
    /// How many participants must confirm; none if nobody hosts the party.
    confirming_threshold: Option<u32>,
    participants: Vec<HostingView>,
}

#[derive(Serialize)]
struct HostingView {
    participant: String,
    permission: &'static str,
    onboarding: bool,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let client = Client::open(global).await?;
    let labels = client.labels().await?;
    let store = client.topology(&options.store.store).await?;
    let report = Report::of(&labels, &store, &options);
    drop(store);
    client.close().await;
    let report = report?;
    output::print(global.output, &report, |out| report.write(out))?;
    Ok(ExitCode::SUCCESS)
}

impl Report {
    fn of(labels: &Labels, store: &TopologyStore, options: &Options) -> anyhow::Result<Self> {
        let (party, at) = (&options.party, options.at.at());
        let keys = store.party_signing_keys(party, at);
        let keys = keys.ok_or_else(|| {
            let party = party.clone();
            VaultError::from(SignatureCheckError::NoPartyKeys { party })
        })?;
        let hosted = hosted(store, party, at);
        let is_beside = hosted.is_some_and(|hosted| hosted.signing_keys().is_some());
        let participants = hosted.map(|hosted| hosted.participants());
        Ok(Self {
            party: party.to_string(),
            store: store.id().to_string(),
            at: options.at.time().map(output::moment),
            keys_in: if is_beside {
                "party-to-participant"
            } else {
                "party-to-key"
            },
            threshold: keys.threshold(),
            keys: keys
                .keys()
                .iter()
                .map(|key| KeyView::announced(key, labels))
                .collect(),
            confirming_threshold: hosted.map(|hosted| hosted.threshold()),
            participants: participants
                .unwrap_or_default()
                .iter()
                .map(|hosting| HostingView {
                    participant: format!("PAR::{}", hosting.participant),
                    permission: hosting.permission.name(),
                    onboarding: hosting.onboarding,
                })
                .collect(),
        })
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "party {} in {}", self.party, self.store)?;
        let of = self.keys.len();
        writeln!(
            out,
            "{} of {of} keys must sign ({})",
            self.threshold, self.keys_in
        )?;
        write_keys(&self.keys, out)?;
        let Some(threshold) = self.confirming_threshold else {
            return writeln!(out, "\nno participant hosts it");
        };
        let of = self.participants.len();
        writeln!(out, "\n{threshold} of {of} participants must confirm")?;
        let rows = self.participants.iter().map(|view| {
            let onboarding = if view.onboarding { "yes" } else { "no" };
            [
                view.participant.clone(),
                view.permission.to_owned(),
                onboarding.to_owned(),
            ]
        });
        let header = ["PARTICIPANT", "PERMISSION", "ONBOARDING"];
        writeln!(out, "{}", output::table(header, rows))
    }
}

fn hosted<'t>(
    store: &'t TopologyStore,
    party: &PartyId,
    at: At,
) -> Option<&'t strongroom_topology::PartyToParticipant> {
    match store.mapping_of(&UniqueKey::party_to_participant(party), at)? {
        Mapping::PartyToParticipant(mapping) => Some(mapping),
        _ => None,
    }
}
