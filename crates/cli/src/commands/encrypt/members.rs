//! `encrypt --to MEMBER`: a payload for members.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::PayloadPurpose;
use strongroom_topology::Member;
use strongroom_vault::PayloadOrder;

use super::Options;
use crate::{
    args::{Format, Global},
    client::{Client, Passage, Seal},
    commands::{AtArg, StoreArg},
    failure::CliError,
    input::Encoding,
    output,
};

/// What is said of payloads only.
#[derive(Args, Debug)]
pub(super) struct MemberArgs {
    #[command(flatten)]
    store: StoreArg,
    #[command(flatten)]
    at: AtArg,
    /// Sign it as its sender with the protocol key of this node: nobody can then change for whom it is.
    #[arg(long)]
    sign: bool,
    /// What it is for; whoever opens it says the same [default: file].
    #[arg(long, value_name = "TEXT")]
    purpose: Option<PayloadPurpose>,
}

impl MemberArgs {
    /// A message to one key has none of this.
    pub(super) fn refuse(&self) -> Result<(), CliError> {
        let given = [
            ("--sign", self.sign),
            ("--purpose", self.purpose.is_some()),
            ("--at", self.at.time().is_some()),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(CliError::BadArgument {
                value: flag.to_owned(),
                expected: "taken for a message to one key, only for members",
            }),
            None => Ok(()),
        }
    }
}

/// What is printed of a payload.
#[derive(Serialize)]
struct Report {
    recipients: Vec<RecipientView>,
    signed_by: Option<String>,
    at: String,
    purpose: String,
}

#[derive(Serialize)]
struct RecipientView {
    member: String,
    fingerprint: String,
}

pub(super) async fn run(
    global: &Global,
    options: &Options,
    recipients: Vec<Member>,
) -> anyhow::Result<ExitCode> {
    let json = global.output == Format::Json;
    if json && options.destination.is_stdout() {
        return Err(CliError::FlagMissing { flag: "--out" }.into());
    }
    if options.encoding != Encoding::Binary {
        return Err(CliError::BadArgument {
            value: "--encoding".to_owned(),
            expected: "left out: a payload is binary",
        }
        .into());
    }
    options.destination.check(Encoding::Binary)?;
    let args = &options.members;
    let order = PayloadOrder {
        purpose: args.purpose.clone().map_or_else(file, Ok)?,
        recipients,
        store: args.store.store.clone(),
        at: args.at.time(),
        signed: args.sign,
    };
    let passage = Passage {
        from: options.input_encoding.open(&options.file)?,
        name: &options.file,
        to: &options.destination,
    };
    let client = Client::open(global).await?;
    let seal = client.encrypt_payload(&order, passage).await?;
    let report = Report::of(&order, seal);
    if !options.destination.is_stdout() {
        output::print(global.output, &report, |out| {
            let rows = report.recipients.iter();
            let rows = rows.map(|it| [it.member.clone(), it.fingerprint.clone()]);
            writeln!(out, "{}", output::table(["RECIPIENT", "KEY"], rows))
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The purpose of files.
pub(in crate::commands) fn file() -> anyhow::Result<PayloadPurpose> {
    Ok(PayloadPurpose::try_new("file")?)
}

impl Report {
    fn of(order: &PayloadOrder, seal: Seal) -> Self {
        let recipients = seal.recipients.into_iter();
        Self {
            recipients: recipients
                .map(|(member, fingerprint)| RecipientView {
                    member,
                    fingerprint,
                })
                .collect(),
            signed_by: seal.signed_by,
            at: output::moment(seal.at),
            purpose: order.purpose.to_string(),
        }
    }
}
