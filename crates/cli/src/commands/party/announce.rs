//! `party announce`.

use std::{path::Path, process::ExitCode, str::FromStr};

use clap::Args;
use strongroom_crypto::{Fingerprint, SigningPublicKey};
use strongroom_topology::{
    HostingParticipant, Mapping, Member, MemberCode, ParticipantPermission, PartyId,
    PartyToParticipant, SigningKeysWithThreshold,
};
use strongroom_vault::Proposal;

use crate::{
    args::Global,
    client::Client,
    commands::topology::{
        announcement,
        args::{OutArg, SigningArgs, StoreArg, refuse_shortened},
        party_public_key,
    },
    failure::CliError,
};

/// State which participants host a party, and which keys sign for it.
///
/// New keys prove themselves by signing the statement. Signatures of participants whose keys are elsewhere are collected
/// with --proposal and --out: 'topology authorize --file' adds theirs. What is stated replaces what was stated of the party
/// before.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom party announce bob::1220... --key 1220... \\\n    --participant PAR::node::1220...\n  \
    strongroom party announce bob::1220... --key 1220... --key 1220... \\\n    --signing-threshold 2 --participant PAR::node::1220...=submission \\\n    --proposal --out bob.cert")]
pub(crate) struct Options {
    /// The party: NAME::NAMESPACE.
    party: PartyId,
    /// A key that signs for the party: by its fingerprint in this vault, or a file with the public key; may be given more than
    /// once.
    #[arg(long, value_name = "KEY|FILE", required = true)]
    key: Vec<String>,
    /// How many of the keys must sign [default: all of them].
    #[arg(long, value_name = "N")]
    signing_threshold: Option<u32>,
    /// A participant that hosts the party, and what it may do for it: observation, confirmation (unless something else is said)
    /// or submission; may be given more than once.
    #[arg(long, value_name = "MEMBER[=PERMISSION]", required = true)]
    participant: Vec<Hosting>,
    /// How many of the participants must confirm.
    #[arg(long, value_name = "N", default_value_t = 1)]
    confirming_threshold: u32,
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    signing: SigningArgs,
    #[command(flatten)]
    out: OutArg,
}

/// A participant that hosts the party.
#[derive(Clone, Debug)]
struct Hosting(HostingParticipant);

impl FromStr for Hosting {
    type Err = CliError;

    fn from_str(text: &str) -> Result<Self, CliError> {
        let wrong = || CliError::BadArgument {
            value: text.chars().take(200).collect(),
            expected: "a participant such as PAR::NAME::NAMESPACE, or PAR::NAME::NAMESPACE=submission",
        };
        let (member, permission) = match text.split_once('=') {
            Some((member, permission)) => (member, permission),
            None => (text, ParticipantPermission::Confirmation.name()),
        };
        let member: Member = member.parse().map_err(|_no_member| wrong())?;
        let permissions = [
            ParticipantPermission::Observation,
            ParticipantPermission::Confirmation,
            ParticipantPermission::Submission,
        ];
        let permission = permissions.into_iter().find(|it| it.name() == permission);
        if member.code != MemberCode::Participant {
            return Err(wrong());
        }
        Ok(Self(HostingParticipant {
            participant: member.uid,
            permission: permission.ok_or_else(wrong)?,
            onboarding: false,
        }))
    }
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    options.out.check()?;
    for key in &options.key {
        refuse_shortened(key)?;
    }
    let client = Client::open(global).await?;
    let mut keys = Vec::with_capacity(options.key.len());
    for key in &options.key {
        keys.push(key_named(&client, &options.party, key).await?);
    }
    let all = u32::try_from(keys.len())?;
    let threshold = options.signing_threshold.unwrap_or(all);
    let keys = SigningKeysWithThreshold::try_new(keys, threshold)?;
    let hosting = options.participant.into_iter().map(|Hosting(it)| it);
    let mapping = PartyToParticipant::try_new(
        options.party,
        options.confirming_threshold,
        hosting.collect(),
        Some(keys),
    )?;
    announcement::announce(
        global,
        client,
        &options.store.store,
        Proposal::announce(Mapping::PartyToParticipant(mapping)),
        &options.signing,
        &options.out,
    )
    .await
}

/// A key of the vault, or the one in a file.
async fn key_named(
    client: &Client,
    party: &PartyId,
    text: &str,
) -> anyhow::Result<SigningPublicKey> {
    match text.parse::<Fingerprint>() {
        Ok(fingerprint) => client.signing_key(&fingerprint).await,
        Err(_a_file) => party_public_key(Path::new(text), party),
    }
}
