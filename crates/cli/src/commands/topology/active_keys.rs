//! `topology active-keys`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, KeyUsage, PublicKey};
use strongroom_store::KeyState;
use strongroom_topology::{
    OwnerToKeyMapping, SigningKeysWithThreshold, TopologyStore, current_encryption_key,
    current_signing_key,
};
use strongroom_vault::VaultError;

use super::args::{AtArg, Owner, StoreArg};
use crate::{
    args::Global,
    client::{Client, Labels},
    commands::AnnouncedKey,
    failure::CliError,
    output,
};

/// Show which keys a node or a party has, in the order in which they are announced.
///
/// Of several keys that fit, a node signs with the last one whose private half it has, and others encrypt to the last one:
/// these are marked as current.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology active-keys\n  \
    strongroom topology active-keys PAR::alice::1220... \\\n    --at 2026-07-01T12:00:00Z\n  \
    strongroom topology active-keys alice::1220... --output json \\\n    | jq '.signing[].fingerprint'")]
pub(crate) struct Options {
    /// A node (PAR::NAME::NAMESPACE, SEQ::, MED::) or a party (NAME::NAMESPACE) [default: the node of this vault].
    #[arg(value_name = "MEMBER|PARTY")]
    owner: Option<String>,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    at: AtArg,
}

#[derive(Serialize)]
struct Report {
    owner: String,
    store: String,
    at: Option<String>,
    /// How many of the signing keys must sign; only parties have a threshold.
    threshold: Option<u32>,
    signing: Vec<View>,
    encryption: Vec<View>,
}

#[derive(Serialize)]
struct View {
    #[serde(flatten)]
    key: AnnouncedKey,
    /// What this node uses the key for now, or others use it for: usages, or `encryption`.
    current_for: Vec<&'static str>,
    /// Of the private half in this vault: active or retired; none if it is not here.
    private_key: Option<&'static str>,
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let owner = options.owner.as_deref().map(Owner::parse).transpose()?;
    let client = Client::open(global).await?;
    let owner = match owner {
        Some(owner) => owner,
        None => {
            let member = client.topology_stores().await?.member;
            Owner::Member(member.ok_or(VaultError::NotIdentified)?)
        }
    };
    let labels = client.labels().await?;
    let store = client.topology(&options.store.store).await?;
    let mut report = Report {
        owner: String::new(),
        store: options.store.store.to_string(),
        at: options.at.time().map(output::moment),
        threshold: None,
        signing: Vec::new(),
        encryption: Vec::new(),
    };
    report.look_up(&labels, &store, &owner, options.at);
    drop(store);
    client.close().await;
    if report.signing.is_empty() && report.encryption.is_empty() {
        return Err(CliError::NothingAnnounced {
            owner: report.owner,
            store: report.store,
        }
        .into());
    }
    output::print(global.output, &report, |out| report.write(out))?;
    Ok(ExitCode::SUCCESS)
}

impl Report {
    fn look_up(&mut self, labels: &Labels, store: &TopologyStore, owner: &Owner, at: AtArg) {
        match owner {
            Owner::Member(member) => {
                self.owner = member.to_string();
                if let Some(mapping) = store.owner_to_key(member, at.at()) {
                    self.of_node(labels, mapping);
                }
            }
            Owner::Party(party) => {
                self.owner = party.to_string();
                if let Some(keys) = store.party_signing_keys(party, at.at()) {
                    self.of_party(labels, keys);
                }
            }
        }
    }

    fn of_node(&mut self, labels: &Labels, mapping: &OwnerToKeyMapping) {
        let active = Some(KeyState::Active.name());
        let holds = |key: &Fingerprint| labels.of(key).private_key == active;
        let usages = [KeyUsage::SequencerAuthentication, KeyUsage::Protocol];
        let current: Vec<_> = usages
            .into_iter()
            .filter_map(|usage| Some((usage, current_signing_key(mapping, usage, &holds)?)))
            .map(|(usage, key)| (usage.label(), key.fingerprint()))
            .chain(current_encryption_key(mapping).map(|key| ("encryption", key.fingerprint())))
            .collect();
        for key in mapping.keys() {
            let current = current.iter().filter(|(_, it)| *it == key.fingerprint());
            let current_for = current.map(|(usage, _)| *usage).collect();
            let view = View::of(labels, key, current_for);
            match key {
                PublicKey::Signing(_) => self.signing.push(view),
                PublicKey::Encryption(_) => self.encryption.push(view),
            }
        }
    }

    fn of_party(&mut self, labels: &Labels, keys: &SigningKeysWithThreshold) {
        self.threshold = Some(keys.threshold());
        let keys = keys.keys().iter().cloned().map(PublicKey::Signing);
        self.signing = keys.map(|key| View::of(labels, &key, Vec::new())).collect();
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} in {}", self.owner, self.store)?;
        if let Some(threshold) = self.threshold {
            let of = self.signing.len();
            writeln!(out, "{threshold} of {of} keys must sign")?;
        }
        let rows = self.signing.iter().chain(&self.encryption).map(|view| {
            [
                view.key.fingerprint.clone(),
                view.key.purpose.to_owned(),
                list(&view.key.usage),
                view.key.spec.to_owned(),
                view.private_key.unwrap_or("-").to_owned(),
                list(&view.current_for),
            ]
        });
        let header = [
            "FINGERPRINT",
            "PURPOSE",
            "USAGE",
            "SPEC",
            "PRIVATE KEY",
            "CURRENT FOR",
        ];
        writeln!(out, "{}", output::table(header, rows))
    }
}

fn list(names: &[&'static str]) -> String {
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(",")
    }
}

impl View {
    fn of(labels: &Labels, key: &PublicKey, current_for: Vec<&'static str>) -> Self {
        Self {
            key: AnnouncedKey::of(key),
            current_for,
            private_key: labels.of(&key.fingerprint()).private_key,
        }
    }
}
