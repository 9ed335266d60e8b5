//! `kms simulate`: clouds on this machine, which guard nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use strongroom_kms_sim::{Scenario, Simulator};
use tokio::signal::unix::{SignalKind, signal};

use crate::{args::Global, failure::CliError, output, session};

/// What everybody must know who reads the endpoints.
const WARNING: &str = "a simulator guards nothing: whoever reaches its port uses its keys, and they are gone when it ends";

/// The key ring that is there from the beginning.
const RING: &str = "vaults";
const PROJECT: &str = "rehearsal";
const LOCATION: &str = "europe-west3";

/// Run a simulator of AWS KMS and of Google's Cloud KMS on this machine, for tests and rehearsals.
///
/// It is no home for real keys: they live in its memory, everybody who reaches its port can use them, and they are gone when
/// it ends. It listens on 127.0.0.1 only, with both faces on one port, and runs until it is interrupted.
///
/// It prints where it listens as soon as it does. A scenario gives it weather: quotas, latency, outages, lost answers; the
/// control endpoint changes the weather, puts its clock forward and counts calls.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom kms simulate\n  strongroom kms simulate --aws --port 4566 --seed 7\n  \
    strongroom kms simulate --scenario bad-day.toml --output json\n\n\
    A scenario, in which everything may be left out:\n  seed = 7\n  [weather]\n  latency = { median-ms = 8.0, p99-ms = 60.0 }\n  \
    [[weather.outages]]\n  kind = \"hang\"\n  from-ms = 1000\n  until-ms = 5000"
)]
pub(crate) struct Options {
    /// Say how AWS KMS is used there [default: both].
    #[arg(long)]
    aws: bool,
    /// Say how Google's Cloud KMS is used there [default: both].
    #[arg(long)]
    gcp: bool,
    /// The port on 127.0.0.1; 0 is any that is free [default: that of the scenario, or 0].
    #[arg(long)]
    port: Option<u16>,
    /// The port of the control endpoint, likewise.
    #[arg(long, value_name = "PORT")]
    control_port: Option<u16>,
    /// What chances begin with: the same seed and the same calls meet the same weather [default: that of the scenario, or 0].
    #[arg(long)]
    seed: Option<u64>,
    /// Weather and limits, in TOML.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    warning: &'static str,
    endpoint: String,
    /// Works also while the weather lets nobody through to the other one.
    control_endpoint: String,
    seed: u64,
    faces: Vec<Face>,
}

#[derive(Serialize)]
struct Face {
    name: &'static str,
    /// A command that uses it.
    #[serde(rename = "try")]
    attempt: String,
}

pub(crate) async fn run(global: &Global, options: &Options) -> anyhow::Result<()> {
    let scenario = options.scenario()?;
    let seed = scenario.seed;
    // Before it is said that it runs: whoever reads that may end it.
    let (mut interrupted, mut ended) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let simulator = Simulator::start(scenario).map_err(|source| CliError::SimulatorNotStarted {
        source: source.into(),
    })?;
    // Google's clients name a key ring, which nobody but an administrator makes.
    simulator
        .administrator(LOCATION)
        .create_key_ring(PROJECT, RING)?;
    let report = Report {
        warning: WARNING,
        endpoint: simulator.endpoint().to_owned(),
        control_endpoint: simulator.control_endpoint().to_owned(),
        seed,
        faces: options.faces(simulator.endpoint()),
    };
    output::print(global.output, &report, |out| report.print(out))?;
    tokio::select! {
        _signal = interrupted.recv() => {}
        _signal = ended.recv() => {}
    }
    simulator.stop();
    Ok(())
}

impl Options {
    fn scenario(&self) -> anyhow::Result<Scenario> {
        let mut scenario = match &self.scenario {
            Some(path) => read(path)?,
            None => Scenario::default(),
        };
        scenario.port = self.port.unwrap_or(scenario.port);
        scenario.control_port = self.control_port.unwrap_or(scenario.control_port);
        scenario.seed = self.seed.unwrap_or(scenario.seed);
        Ok(scenario)
    }

    fn faces(&self, endpoint: &str) -> Vec<Face> {
        let aws = Face {
            name: "aws",
            attempt: format!(
                "strongroom init --dir rehearsal --kms aws --region eu-central-1 --kms-endpoint {endpoint} --rehearsal"
            ),
        };
        let gcp = Face {
            name: "gcp",
            attempt: format!(
                "strongroom init --dir rehearsal --kms gcp --project {PROJECT} --location {LOCATION} --key-ring {RING} --kms-endpoint {endpoint} --rehearsal"
            ),
        };
        match (self.aws, self.gcp) {
            (true, false) => vec![aws],
            (false, true) => vec![gcp],
            _ => vec![aws, gcp],
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Scenario> {
    let unusable = |source| CliError::BadScenario {
        path: path.to_owned(),
        source,
    };
    let text = session::files()
        .read(path)?
        .ok_or_else(|| unusable("there is no such file".into()))?;
    let text = String::from_utf8(text).map_err(|error| unusable(error.into()))?;
    Ok(Scenario::from_toml(&text).map_err(|error| unusable(error.into()))?)
}

impl Report {
    fn print(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        writeln!(out, "WARNING: {}.\n", self.warning)?;
        writeln!(out, "endpoint  {}", self.endpoint)?;
        writeln!(out, "control   {}/control/state", self.control_endpoint)?;
        writeln!(out, "seed      {}", self.seed)?;
        for face in &self.faces {
            writeln!(out, "{:<8}  {}", face.name, face.attempt)?;
        }
        writeln!(out, "\nIt runs until it is interrupted.")
    }
}
