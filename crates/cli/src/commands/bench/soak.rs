//! `bench soak`: a server that works for long, while much changes around it.

mod growth;
mod house;
mod signers;
mod troubles;

use std::{sync::Arc, time::Duration};

use clap::Args;

use self::{
    growth::Growth,
    house::House,
    signers::{Signers, Tally},
    troubles::{Happened, Troubles},
};
use super::{Measurement, kms::measurement};
use crate::{args::Global, progress};

/// A server that signs for long, while its certificates, its wrapper key and its KMS change: it must not grow, and never be wrong.
///
/// The KMS is a simulator of AWS in this process. Callers sign with a key that is sealed in the vault and with one that is in the
/// KMS, over connections that come and go, and check every signature. Meanwhile, again and again, the certificate of the server is
/// renewed, the wrapper key is rotated, and the KMS is out: it refuses connections, breaks, resets them, or hangs. The command
/// fails if a signature is wrong, if a call is not answered in time, if a sealed key is refused, or if the server has grown
/// beyond the bounds at the end, compared with the end of its first round.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom bench soak\n  \
    strongroom bench soak --rounds 60 --round-seconds 60 --output json")]
pub(crate) struct Options {
    /// Rounds, in each of which everything changes once.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(2..))]
    rounds: u16,
    /// How long a round takes, in seconds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    round_seconds: u64,
    /// Callers with the sealed key; half as many sign in the KMS.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=256))]
    callers: u16,
    /// So many mebibytes the server may grow.
    #[arg(long, default_value_t = 16)]
    most_mebibytes: u32,
    /// So many files and connections the server may open more.
    #[arg(long, default_value_t = 16)]
    most_handles: u32,
}

pub(super) async fn run(global: &Global, options: Options) -> anyhow::Result<Vec<Measurement>> {
    let spinner = progress::spinner(global, "a server is worked with");
    let house = House::build().await?;
    let signers = Signers::start(&house, options.callers)?;
    let measured = work(&house, &options).await;
    let tally = signers.end().await?;
    house.end()?;
    spinner.finish_and_clear();
    let (growth, happened) = measured?;
    tally.check()?;
    growth.check(options.most_mebibytes, options.most_handles)?;
    Ok(results(&options, &growth, &happened, &tally))
}

/// Round after round; the numbers of the server are read at the end of each, when all is calm again.
async fn work(house: &House, options: &Options) -> anyhow::Result<(Growth, Happened)> {
    let round = Duration::from_secs(options.round_seconds);
    let mut troubles = Troubles::of(house);
    let mut growth = Growth::default();
    for _round in 0..options.rounds {
        troubles.make(round).await?;
        growth.add(house.numbers().await?);
    }
    Ok((growth, troubles.happened()))
}

fn results(
    options: &Options,
    growth: &Growth,
    happened: &Happened,
    tally: &Arc<Tally>,
) -> Vec<Measurement> {
    let (first, last) = (growth.first(), growth.last());
    let memory = measurement(
        format!(
            "soak of {} rounds, memory after the last beside the first",
            options.rounds
        ),
        "MiB",
        (last.mebibytes(), first.mebibytes()),
        [
            ("most_mib", growth.most_mebibytes().into()),
            ("signatures", tally.sealed.signed().into()),
            ("signatures_in_kms", tally.held.signed().into()),
            ("refused_in_kms", tally.held.refused().into()),
            ("wrong", (tally.sealed.wrong() + tally.held.wrong()).into()),
        ],
    );
    let handles = measurement(
        format!(
            "soak of {} rounds, handles after the last beside the first",
            options.rounds
        ),
        "handles",
        (last.handles, first.handles),
        [
            ("most_handles", growth.most_handles().into()),
            ("connections", tally.connections().into()),
            ("reloads", happened.reloads.into()),
            ("rotations", happened.rotations.into()),
            ("outages", happened.outages.into()),
        ],
    );
    vec![memory, handles]
}
