//! `encrypt --to MEMBER`: a payload for members.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, PayloadPurpose};
use strongroom_files::Access;
use strongroom_topology::Member;
use strongroom_vault::{PayloadOrder, SealedPayload};

use super::Options;
use crate::{
    args::{Format, Global},
    commands::{AtArg, StoreArg},
    failure::CliError,
    input::{self, Encoding},
    output,
    session::Session,
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
    let content = options.input_encoding.open(&options.file)?;
    let args = &options.members;
    let order = PayloadOrder {
        purpose: args.purpose.clone().map_or_else(file, Ok)?,
        recipients,
        store: args.store.store.clone(),
        at: args.at.time(),
        signed: args.sign,
    };
    let session = Session::open(global).await?;
    let sealed = session.vault.seal_payload(&session.caller, &order).await?;
    session.close().await;
    let report = Report::of(&order, &sealed);
    let SealedPayload {
        front, mut sealer, ..
    } = sealed;
    options.destination.stream(Access::Readable, |out| {
        out.write_all(&front)?;
        let mut write = |ciphertext: &[u8], tag: &[u8]| {
            out.write_all(ciphertext)?;
            Ok::<(), anyhow::Error>(out.write_all(tag)?)
        };
        input::in_pieces(content, &options.file, |piece| {
            sealer.push(piece, &mut write)
        })?;
        sealer.finish(&mut [], &mut write)
    })?;
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
    fn of(order: &PayloadOrder, sealed: &SealedPayload) -> Self {
        let recipients = sealed.recipients.iter();
        Self {
            recipients: recipients
                .map(|(member, key)| RecipientView {
                    member: member.to_string(),
                    fingerprint: key.to_string(),
                })
                .collect(),
            signed_by: sealed.signed_by.as_ref().map(Fingerprint::to_string),
            at: output::moment(sealed.at),
            purpose: order.purpose.to_string(),
        }
    }
}
