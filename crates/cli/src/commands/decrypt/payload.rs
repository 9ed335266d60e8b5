//! `decrypt` of a payload.

use std::{
    io::{self, Read, Write},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::PayloadPurpose;
use strongroom_topology::Member;
use strongroom_vault::PayloadExpectation;

use super::Options;
use crate::{
    args::{Format, Global},
    client::{Client, Origin, Passage},
    commands::{StoreArg, encrypt::file},
    failure::CliError,
    input::Encoding,
    output,
};

/// What is said of payloads only.
#[derive(Args, Debug)]
pub(super) struct PayloadArgs {
    /// Take a payload only if this member has signed it.
    #[arg(long, value_name = "MEMBER")]
    from: Option<Member>,
    /// What the payload is for, as its sender said [default: file].
    #[arg(long, value_name = "TEXT")]
    purpose: Option<PayloadPurpose>,
    #[command(flatten)]
    store: StoreArg,
}

impl PayloadArgs {
    /// A message to one key has none of this.
    pub(super) fn refuse(&self) -> Result<(), CliError> {
        if self.from.is_some() || self.purpose.is_some() {
            return Err(CliError::BadArgument {
                value: "the input".to_owned(),
                expected: "a payload, which alone has a sender and a purpose",
            });
        }
        Ok(())
    }
}

/// What is told of a payload.
#[derive(Serialize)]
struct Report {
    decrypted_by: String,
    /// Who signed for whom it is; null: nobody.
    sender: Option<String>,
    /// The key with which the sender signed.
    signed_by: Option<String>,
    at: String,
    purpose: String,
}

pub(super) async fn run(
    global: &Global,
    options: &Options,
    payload: impl Read,
) -> anyhow::Result<ExitCode> {
    let json = global.output == Format::Json;
    refuse_what_does_not_fit(options, json)?;
    let args = &options.payload;
    let expected = PayloadExpectation {
        purpose: args.purpose.clone().map_or_else(file, Ok)?,
        sender: args.from.clone(),
        store: args.store.store.clone(),
    };
    let passage = Passage {
        from: Box::new(payload),
        name: &options.file,
        to: &options.destination,
    };
    let client = Client::open(global).await?;
    let origin = client.decrypt_payload(&expected, passage).await?;
    let report = Report::of(origin, &expected.purpose);
    if !options.destination.is_stdout() {
        output::print(global.output, &report, |out| report.write(out))?;
    } else if !global.quiet {
        // What goes to standard output is the content and nothing else.
        output::tell(|out| report.write(out))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Report {
    fn of(origin: Origin, purpose: &PayloadPurpose) -> Self {
        let (sender, signed_by) = origin.sender.unzip();
        Self {
            decrypted_by: origin.opened_by,
            sender,
            signed_by,
            at: output::moment(origin.at),
            purpose: purpose.to_string(),
        }
    }

    /// For people, who do not take a payload for signed that was not.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match (&self.sender, &self.signed_by) {
            (Some(sender), Some(key)) => writeln!(out, "signed by {sender} with {key}"),
            _ => writeln!(out, "not signed: anybody may have sent it"),
        }
    }
}

fn refuse_what_does_not_fit(options: &Options, json: bool) -> anyhow::Result<()> {
    if json && options.destination.is_stdout() {
        return Err(CliError::FlagMissing { flag: "--out" }.into());
    }
    let left_out = |flag: &str| CliError::BadArgument {
        value: flag.to_owned(),
        expected: "left out: a payload is binary, and names its keys",
    };
    if options.encoding != Encoding::Binary {
        return Err(left_out("--encoding").into());
    }
    if options.key.is_some() {
        return Err(left_out("--key").into());
    }
    options.destination.check(Encoding::Binary)
}
