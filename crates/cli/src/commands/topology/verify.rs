//! `topology verify`.

mod report;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use strongroom_proto::topology::Container;
use strongroom_topology::{PhysicalSynchronizerId, Rules, StoreId};
use strongroom_vault::{MemoryLimit, Replay, ReplaySettings};

use self::report::{Report, Source};
use crate::{
    args::{Global, Names},
    containers::Opened,
    exit, input, memory, output, progress,
};

/// What a store in memory is called that is looked at without its synchronizer.
const STORE: &str = "temporary:verify";

/// Replay topology from files and say what is wrong with it. Needs no vault.
///
/// Takes snapshots of either format, lists of transactions and certificates, compressed with gzip or not, of any size. Every
/// signature is verified under the key that it names, and every transaction goes through the state machine, one file behind the
/// other. Snapshots are looked at as a synchronizer looks at the state that it begins with; certificates and lists as a node
/// looks at what it authorizes itself.
///
/// What is under way takes little memory, and what was rejected none; what was accepted is kept.
///
/// Exit status 0: nothing is wrong; 1: a signature is not valid, or a transaction was rejected here and not where it comes
/// from, or the other way round.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom topology verify genesis-state.gz\n  \
    strongroom topology verify root.cert intermediate.cert\n  \
    strongroom topology verify state.bin --synchronizer da::1220...::34-0 \\\n    --rules synchronizer --output json")]
pub(crate) struct Options {
    /// The files, in this order; `-` is standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the files are, if that cannot be told from them.
    #[arg(long = "as", value_name = "KIND", value_parser = Names::of_containers())]
    container: Option<Container>,
    /// How strictly to look [default: genesis for snapshots, authorized for others].
    #[arg(long, value_enum)]
    rules: Option<RulesName>,
    /// The synchronizer that the topology must belong to: NAME::NAMESPACE::VERSION-SERIAL.
    #[arg(long, value_name = "ID")]
    synchronizer: Option<PhysicalSynchronizerId>,
    /// Threads that decode and verify [default: one for each processor].
    #[arg(long)]
    threads: Option<NonZeroUsize>,
    /// The most MiB of memory that may be used.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    memory_limit: u64,
}

/// Which store's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RulesName {
    /// Signatures, delegations and serials.
    Authorized,
    /// The same, without the signatures of new node keys.
    Temporary,
    /// All mappings must fit together.
    Synchronizer,
    /// The same, with what the state may have that a synchronizer begins with.
    Genesis,
}

impl RulesName {
    fn for_container(container: Container) -> Self {
        if container.is_snapshot() {
            Self::Genesis
        } else {
            Self::Authorized
        }
    }

    const fn rules(self) -> Rules {
        match self {
            Self::Authorized => Rules::authorized(),
            Self::Temporary => Rules::temporary(),
            Self::Synchronizer => Rules::synchronizer(),
            Self::Genesis => Rules::genesis(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Temporary => "temporary",
            Self::Synchronizer => "synchronizer",
            Self::Genesis => "genesis",
        }
    }
}

pub(super) fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    input::refuse_stdin_twice(options.files.iter().map(PathBuf::as_path))?;
    let store = match &options.synchronizer {
        Some(id) => StoreId::Synchronizer(id.clone()),
        None => STORE.parse()?,
    };
    let mut replay = Replay::new(ReplaySettings {
        store,
        threads: options.threads.map_or_else(available, Ok)?,
        memory: MemoryLimit {
            bytes: options.memory_limit.saturating_mul(1024 * 1024),
            in_use: memory::bytes_in_use,
        },
    });
    let mut sources = Vec::with_capacity(options.files.len());
    for path in &options.files {
        sources.push(read(global, &mut replay, path, &options)?);
    }
    let (found, store) = replay.finish();
    let report = Report::of(sources, &found, &store);
    output::print(global.output, &report, |out| report.write(out))?;
    let is_sound = found.signatures.invalid == 0 && found.unexpected == 0;
    Ok(ExitCode::from(if is_sound { 0 } else { exit::NO }))
}

fn available() -> anyhow::Result<NonZeroUsize> {
    thread::available_parallelism().context("the number of processors is not known: give --threads")
}

fn read(
    global: &Global,
    replay: &mut Replay,
    path: &Path,
    options: &Options,
) -> anyhow::Result<Source> {
    let Opened {
        container,
        input,
        name,
    } = Opened::open(path, options.container)?;
    let rules = options
        .rules
        .unwrap_or_else(|| RulesName::for_container(container));
    let spinner = progress::spinner(global, "replaying");
    let read = replay.read(input, container, &rules.rules(), &mut |bytes| {
        spinner.set_message(format!("replaying {name}: {} MiB", bytes / (1024 * 1024)));
    });
    spinner.finish_and_clear();
    read.with_context(|| name.clone())?;
    Ok(Source {
        file: name,
        container: container.name(),
        rules: rules.name(),
    })
}
