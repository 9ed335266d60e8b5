//! `party generate`, `party register`.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, KeyName, KeyUsage, KeyUsages, SigningKeySpec};
use strongroom_kms::KmsKeyId;
use strongroom_topology::{Namespace, PartyId, UniqueIdentifier};

use super::view::{KeyView, write_keys};
use crate::{
    args::{Global, Names},
    client::{Client, NewKey, ShownKey},
    output,
};

/// Generate the keys of a new party.
///
/// The first key is the root of the party's own namespace, and signs for it; with --namespace the party belongs to that
/// namespace, whose keys announce it, and all keys sign submissions only. Announce them with 'party announce'.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom party generate bob\n  \
    strongroom party generate bob --keys 3 --spec ec-p-256\n  \
    strongroom party generate bob --namespace 1220... --output json")]
pub(crate) struct GenerateOptions {
    /// What the party is called in front of its namespace.
    name: String,
    /// How many keys it has.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=20))]
    keys: u8,
    /// The namespace that the party belongs to [default: one of its own].
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<Namespace>,
    /// Their curve or parameter set [default: ec-curve-25519, or what the KMS holds].
    #[arg(long, value_parser = Names::of_signing_specs())]
    spec: Option<SigningKeySpec>,
}

/// Make keys that are in a KMS those of a new party.
///
/// As 'party generate', with keys that were made in the KMS beforehand: the first one is the root of the party's own namespace,
/// unless --namespace names another.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom party register bob alias/bob-1 alias/bob-2 --kms aws")]
pub(crate) struct RegisterOptions {
    /// What the party is called in front of its namespace.
    name: String,
    /// The keys, as their KMS calls them.
    #[arg(value_name = "KMS_KEY", required = true)]
    keys: Vec<KmsKeyId>,
    /// The KMS, by its configured name [default: the one that makes new external keys].
    #[arg(long, value_name = "NAME")]
    kms: Option<String>,
    /// The namespace that the party belongs to [default: one of its own].
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<Namespace>,
}

#[derive(Serialize)]
struct Report {
    party: String,
    keys: Vec<KeyView>,
}

/// What the keys of a new party are for, and what they are called.
fn new_keys(name: &str, count: usize, owns_namespace: bool) -> anyhow::Result<Vec<NewKey>> {
    // Refused before a key is made under it.
    let _taken =
        UniqueIdentifier::try_new(name, Namespace::from(Fingerprint::from_bytes([0; 32])))?;
    let root = [KeyUsage::Namespace, KeyUsage::Protocol];
    let new = |number: usize| {
        let usages: &[KeyUsage] = if owns_namespace && number == 1 {
            &root
        } else {
            &[KeyUsage::Protocol]
        };
        anyhow::Ok(NewKey {
            usages: KeyUsages::try_new(usages.iter().copied())?,
            name: KeyName::try_new(format!("{name}-party-{number}"))?,
        })
    };
    (1..=count).map(new).collect()
}

pub(super) async fn generate(
    global: &Global,
    options: GenerateOptions,
) -> anyhow::Result<ExitCode> {
    let owns_namespace = options.namespace.is_none();
    let new = new_keys(&options.name, options.keys.into(), owns_namespace)?;
    let client = Client::open(global).await?;
    let keys = client.generate_signing_keys(options.spec, new).await?;
    print(global, client, &options.name, options.namespace, &keys).await
}

pub(super) async fn register(
    global: &Global,
    options: RegisterOptions,
) -> anyhow::Result<ExitCode> {
    let owns_namespace = options.namespace.is_none();
    let new = new_keys(&options.name, options.keys.len(), owns_namespace)?;
    let client = Client::open(global).await?;
    let mut keys = Vec::with_capacity(options.keys.len());
    for (new, key) in new.into_iter().zip(options.keys) {
        let (kms, usages, name) = (options.kms.clone(), Some(new.usages), Some(new.name));
        let registered = client.register_key(kms, key, usages, name).await?;
        keys.push(client.key(&registered.fingerprint.parse()?).await?);
    }
    print(global, client, &options.name, options.namespace, &keys).await
}

async fn print(
    global: &Global,
    client: Client,
    name: &str,
    namespace: Option<Namespace>,
    keys: &[ShownKey],
) -> anyhow::Result<ExitCode> {
    client.close().await;
    let own = keys.first().map(|key| key.public.fingerprint().into());
    let namespace = namespace.or(own);
    let namespace = namespace.ok_or_else(|| anyhow::anyhow!("there are no keys"))?;
    let party: PartyId = UniqueIdentifier::try_new(name, namespace)?;
    let report = Report {
        party: party.to_string(),
        keys: keys.iter().map(KeyView::from).collect(),
    };
    output::print(global.output, &report, |out| {
        writeln!(out, "party {}", report.party)?;
        write_keys(&report.keys, out)
    })?;
    Ok(ExitCode::SUCCESS)
}
