//! A replica of the benchmark: this program once more, which signs when it is told to.

use std::{
    io::Write as _,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use strongroom_crypto::{Fingerprint, KeyUsages};
use strongroom_errors::Coded as _;
use strongroom_vault::Vault;
use tokio::task;

use super::orders::{Answer, Order};
use crate::{
    args::Global, commands::bench::stopwatch::Stopwatch, environment, open_kms::OpenKms, session,
};

const MESSAGE: [u8; 64] = [0x5a; 64];

/// Between two signatures of a key that is to be refused.
const PAUSE: Duration = Duration::from_micros(200);
/// A key that is not refused by then never will be.
const PATIENCE: Duration = Duration::from_secs(60);

/// A replica of `bench replicas`, which starts it; not for people.
#[derive(Args, Debug)]
#[command(hide = true)]
pub(crate) struct Options {
    /// Whether it looks at the database from time to time only, and hears no notification.
    #[arg(long)]
    deaf: bool,
}

/// Does what standard input says until it ends.
pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let config = session::read_config(global)?;
    let kms = OpenKms::open(&config, &global.kms).await?;
    let store = session::open_store_of(&config, &global.dir).await?;
    let vault = Arc::new(session::open_vault(&config, &kms, store).await?);
    let look_every = config.replica.look_every;
    let tending = tokio::spawn({
        let (vault, caller) = (Arc::clone(&vault), environment::caller()?);
        async move {
            if options.deaf {
                look(&vault, look_every).await;
            } else {
                vault.tend(&caller).await;
            }
        }
    });
    let obeyed = obey(&vault).await;
    tending.abort();
    // It was stopped, which is no failure.
    let _stopped = tending.await;
    if let Some(vault) = Arc::into_inner(vault) {
        session::close(vault).await;
    }
    obeyed.map(|()| ExitCode::SUCCESS)
}

/// What is left of keeping up when every notification is lost.
async fn look(vault: &Vault, every: Duration) {
    loop {
        // Out of touch, it is refused to sign, and that fails.
        let _looked = vault.catch_up().await;
        tokio::time::sleep(every).await;
    }
}

async fn obey(vault: &Vault) -> anyhow::Result<()> {
    say(&Answer::Ready)?;
    let mut lines = std::io::stdin().lines();
    while let Some(line) = task::block_in_place(|| lines.next()) {
        match serde_json::from_str(&line?)? {
            Order::Sign { keys, millis } => {
                let keys: Result<Vec<Fingerprint>, _> =
                    keys.iter().map(|key| key.parse()).collect();
                let rate = sign(vault, &keys?, Duration::from_millis(millis)).await?;
                say(&Answer::Signed { rate })?;
            }
            Order::Watch { key } => watch(vault, &key.parse()?).await?,
        }
    }
    Ok(())
}

async fn sign(vault: &Vault, keys: &[Fingerprint], time: Duration) -> anyhow::Result<f64> {
    for key in keys {
        vault.sign(key, &MESSAGE, KeyUsages::ALL).await?;
    }
    let mut stopwatch = Stopwatch::start(time);
    for key in keys.iter().cycle() {
        vault.sign(key, &MESSAGE, KeyUsages::ALL).await?;
        if !stopwatch.goes_on() {
            break;
        }
    }
    Ok(stopwatch.rate())
}

async fn watch(vault: &Vault, key: &Fingerprint) -> anyhow::Result<()> {
    vault.sign(key, &MESSAGE, KeyUsages::ALL).await?;
    say(&Answer::Watching)?;
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Err(refused) = vault.sign(key, &MESSAGE, KeyUsages::ALL).await {
            let code = refused.code().name().to_owned();
            return say(&Answer::Refused { code });
        }
        tokio::time::sleep(PAUSE).await;
    }
    anyhow::bail!("a retired key is still used")
}

fn say(answer: &Answer) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", serde_json::to_string(answer)?)?;
    Ok(output.flush()?)
}
