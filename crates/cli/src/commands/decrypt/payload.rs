//! `decrypt` of a payload.

use std::{io::Read, process::ExitCode};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{FrontReader, PayloadFront, PayloadPurpose};
use strongroom_files::Access;
use strongroom_topology::Member;
use strongroom_vault::{OpenedPayload, PayloadExpectation};

use super::Options;
use crate::{
    args::{Format, Global},
    commands::{StoreArg, encrypt::file},
    failure::CliError,
    input::{self, Encoding},
    output,
    session::Session,
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

/// What `decrypt --output json` prints of a payload.
#[derive(Serialize)]
struct Report {
    decrypted_by: String,
    /// Who signed for whom it is; null: nobody.
    sender: Option<String>,
    at: String,
    purpose: String,
}

pub(super) async fn run(
    global: &Global,
    options: &Options,
    mut payload: impl Read,
) -> anyhow::Result<ExitCode> {
    let json = global.output == Format::Json;
    refuse_what_does_not_fit(options, json)?;
    let mut reader = FrontReader::default();
    let (front, mut rest) = read_front(&mut reader, &mut payload, options)?;
    let args = &options.payload;
    let expected = PayloadExpectation {
        purpose: args.purpose.clone().map_or_else(file, Ok)?,
        sender: args.from.clone(),
        store: args.store.store.clone(),
    };
    let session = Session::open(global).await?;
    let opened = session
        .vault
        .open_payload(&session.caller, &front, &expected)
        .await?;
    session.close().await;
    let OpenedPayload {
        mut opener,
        opened_by,
        sender,
    } = opened;
    options.destination.stream(Access::OwnerOnly, |out| {
        let mut write = |content: &[u8]| Ok::<(), anyhow::Error>(out.write_all(content)?);
        opener.push(&mut rest, &mut write)?;
        input::in_pieces(payload, &options.file, |piece| {
            opener.push(piece, &mut write)
        })?;
        opener.finish(&mut [], &mut write)
    })?;
    if json {
        let report = Report {
            decrypted_by: opened_by.to_string(),
            sender: sender.map(|sender| sender.to_string()),
            at: output::moment(front.header().at()),
            purpose: expected.purpose.to_string(),
        };
        output::print(global.output, &report, |_table| Ok(()))?;
    }
    Ok(ExitCode::SUCCESS)
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

/// The front, and what was read with it of the chunks: less than one, so none of it is opened where it is.
fn read_front(
    reader: &mut FrontReader,
    payload: &mut impl Read,
    options: &Options,
) -> anyhow::Result<(PayloadFront, Vec<u8>)> {
    let mut buffer = [0; 4096];
    loop {
        let length = input::read_piece(payload, &mut buffer, &options.file)?;
        if length == 0 {
            return Err(reader.ended().into());
        }
        let piece = buffer.get(..length).unwrap_or_default();
        if let Some((front, length)) = reader.push(piece)? {
            let rest = piece.get(length..).unwrap_or_default();
            return Ok((front, rest.to_vec()));
        }
    }
}
