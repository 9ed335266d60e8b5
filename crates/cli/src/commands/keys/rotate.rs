//! `keys rotate`, `keys rotate-all`: new keys in the place of the node's announced ones.

mod report;

use std::{collections::BTreeSet, process::ExitCode};

use clap::{Args, ValueEnum};
use strongroom_crypto::{Fingerprint, KeyName};
use strongroom_errors::Category;
use strongroom_kms::KmsKeyId;
use strongroom_topology::StoreId;
use strongroom_vault::{Place, Rotate, RotationStep, Successor};

pub(crate) use self::report::{Report, View};
use crate::{
    args::Global, client::Client, exit, failure::CliError, output, progress, remote::Server,
    session::Session, terminal,
};

/// Put a new key into the place of one that the node announces.
///
/// The new key is generated and made durable first. Then it is announced beside the old one, the old one is withdrawn, and
/// retired: it still decrypts and verifies what is old, and signs nothing any more. Interrupted, it goes on with --resume.
///
/// When the vault follows a synchronizer that does not show the change yet, the rotation waits for it: exit status 6. Let
/// the vault see what was sequenced ('strongroom topology apply FILE --store synchronizer:ID --sequenced TIME'), then go on
/// with --resume.
///
/// From the announcement on, others expect the new key: a database that is restored from before has lost it. With
/// --pause-for-backup the rotation stops before it announces anything.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys rotate 1220...\n  \
    strongroom keys rotate 1220... --name node-signing-2027\n  \
    strongroom keys rotate 1220... --to external --kms aws\n  \
    strongroom keys rotate 1220... --kms aws --kms-key alias/node-signing-2027\n  \
    strongroom keys rotate 1220... --pause-for-backup\n  \
    strongroom keys rotate --resume\n  \
    strongroom keys rotate --resume \\\n    --not-waiting-for synchronizer:da::1220...::34-0\n  \
    strongroom keys rotate --abandon")]
pub(crate) struct Options {
    /// The key that leaves: 'strongroom topology active-keys' shows those that are announced.
    #[arg(required_unless_present_any = ["resume", "abandon"])]
    fingerprint: Option<Fingerprint>,
    /// The name of the new key [default: that of the old one, with the time].
    #[arg(long, requires = "fingerprint")]
    name: Option<KeyName>,
    /// Take this key, which was made in a KMS beforehand, instead of a new one.
    #[arg(
        long,
        value_name = "KMS_KEY",
        requires = "fingerprint",
        conflicts_with = "to"
    )]
    kms_key: Option<KmsKeyId>,
    #[command(flatten)]
    destination: Destination,
    /// Go on with what was begun.
    #[arg(long, conflicts_with_all = ["fingerprint", "Destination"])]
    resume: bool,
    /// With --resume: do not wait for this store, of a synchronizer that the node left or that never was; may be given more than
    /// once.
    #[arg(long, value_name = "STORE", requires = "resume")]
    not_waiting_for: Vec<StoreId>,
    /// Give up what was begun. Keys and announcements stay as they are.
    #[arg(long, conflicts_with_all = ["fingerprint", "resume", "Destination"])]
    abandon: bool,
}

/// Put new keys into the place of all that the node announces.
///
/// All new keys are generated and made durable first; then one after the other as 'keys rotate' does, which also says what
/// exit status 6 means.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  strongroom keys rotate-all\n  \
    strongroom keys rotate-all --pause-for-backup\n  \
    strongroom keys rotate-all --to external --kms aws\n  \
    strongroom keys rotate-all --output json")]
pub(crate) struct AllOptions {
    #[command(flatten)]
    destination: Destination,
}

/// Where new keys are to be, and what comes before they are announced.
#[derive(Args, Debug)]
struct Destination {
    /// Keep the new key sealed here, or have a KMS make and hold it [default: as the configuration says].
    #[arg(long, value_name = "CUSTODY")]
    to: Option<Custody>,
    /// The KMS, by its configured name [default: the one that makes new external keys].
    #[arg(long, value_name = "NAME")]
    kms: Option<String>,
    /// Stop when the new keys are durable, say what to back up, and go on when that is confirmed or with --resume.
    #[arg(long)]
    pause_for_backup: bool,
}

/// Custody of a new key, as an argument. That keys are stored readable is for the configuration to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Custody {
    /// In the database, sealed.
    Envelope,
    /// In a KMS, never here.
    External,
}

impl Destination {
    /// Where new keys are to be; none leaves it to the configuration.
    fn place(&self) -> Option<Place> {
        let kms = self.kms.clone();
        match self.to {
            Some(Custody::Envelope) => Some(Place::Envelope),
            Some(Custody::External) => Some(Place::External { kms }),
            None => None,
        }
    }

    /// A KMS that nothing is to be put into was named by mistake.
    fn check(&self, takes_kms_key: bool) -> Result<(), CliError> {
        let into_kms = takes_kms_key || self.to == Some(Custody::External);
        if self.kms.is_some() && !into_kms {
            return Err(CliError::FlagMissing {
                flag: "--to external",
            });
        }
        Ok(())
    }
}

impl Options {
    /// What is to begin, unless something is to go on.
    fn begins(&self) -> Option<Rotate> {
        let (old, name) = (self.fingerprint?, self.name.clone());
        let successor = match &self.kms_key {
            Some(key) => Successor::Registered {
                kms: self.destination.kms.clone(),
                key: key.clone(),
                name,
            },
            None => Successor::Generated {
                name,
                place: self.destination.place(),
            },
        };
        Some(Rotate::One { old, successor })
    }
}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    options.destination.check(options.kms_key.is_some())?;
    let session = match Client::open(global).await? {
        Client::Here(session) => *session,
        Client::There(server) => {
            let pause = options.destination.pause_for_backup;
            let asked = match options.begins() {
                Some(rotate) => Asked::Begin(rotate, pause),
                None if options.abandon => Asked::Abandon,
                None => Asked::Resume(options.not_waiting_for),
            };
            return there(global, &server, asked).await;
        }
    };
    if options.abandon {
        return abandon(global, session).await;
    }
    if let Some(rotate) = options.begins()
        && begin(
            global,
            &session,
            rotate,
            options.destination.pause_for_backup,
        )
        .await?
            == Go::Later
    {
        return pause(global, session).await;
    }
    let not_waiting_for = options.not_waiting_for.into_iter().collect();
    go_on(global, session, &not_waiting_for).await
}

pub(crate) async fn all(global: &Global, options: AllOptions) -> anyhow::Result<ExitCode> {
    let destination = options.destination;
    destination.check(false)?;
    let rotate = Rotate::All {
        place: destination.place(),
    };
    let session = match Client::open(global).await? {
        Client::Here(session) => *session,
        Client::There(server) => {
            let asked = Asked::Begin(rotate, destination.pause_for_backup);
            return there(global, &server, asked).await;
        }
    };
    if begin(global, &session, rotate, destination.pause_for_backup).await? == Go::Later {
        return pause(global, session).await;
    }
    go_on(global, session, &BTreeSet::new()).await
}

/// Whether new keys are announced at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Go {
    Now,
    Later,
}

async fn begin(
    global: &Global,
    session: &Session,
    rotate: Rotate,
    pause_for_backup: bool,
) -> anyhow::Result<Go> {
    let begun = session
        .vault
        .begin_rotation(&session.caller, rotate)
        .await?;
    for rotation in &begun {
        let new = session.vault.key(&rotation.new)?;
        super::warn_if_clear(&new);
    }
    if !pause_for_backup || begun.is_empty() {
        return Ok(Go::Now);
    }
    let report = Report::begun(&session.vault, "begun")?;
    let advice = report.what_to_back_up(&global.vault_args());
    let confirmed = terminal::confirm(&format!("{advice}Is that done? Announce the new keys?"))?;
    Ok(if confirmed { Go::Now } else { Go::Later })
}

/// Leaves the rotation where it is: new keys durable, nothing announced.
async fn pause(global: &Global, session: Session) -> anyhow::Result<ExitCode> {
    let mut report = Report::begun(&session.vault, "begun")?;
    report.paused_for_backup = true;
    session.close().await;
    print(global, &report)
}

async fn go_on(
    global: &Global,
    session: Session,
    not_waiting_for: &BTreeSet<StoreId>,
) -> anyhow::Result<ExitCode> {
    let report = advance(global, &session, not_waiting_for).await?;
    session.close().await;
    print(global, &report)
}

fn print(global: &Global, report: &Report) -> anyhow::Result<ExitCode> {
    output::print(global.output, report, |out| {
        report.write(out, &global.vault_args())
    })?;
    Ok(ExitCode::from(if report.waiting_for.is_empty() {
        0
    } else {
        exit::status(Category::Unavailable)
    }))
}

/// What is asked of a server.
enum Asked {
    /// To begin, and perhaps to stop when the new keys are durable.
    Begin(Rotate, bool),
    Resume(Vec<StoreId>),
    Abandon,
}

/// The same by a server, which does all the steps that can be done now.
async fn there(global: &Global, server: &Server, asked: Asked) -> anyhow::Result<ExitCode> {
    let spinner = progress::spinner(global, "rotating");
    let tell = |step: &View| {
        if step.state != "waiting" {
            spinner.println(format!("{}: {} -> {}", step.state, step.old, step.new));
        }
    };
    let told = match asked {
        Asked::Begin(rotate, pause) => server.rotate_node_keys(rotate, pause, tell).await,
        Asked::Resume(stores) => server.resume_node_key_rotation(&stores, tell).await,
        Asked::Abandon => server.abandon_node_key_rotation().await,
    };
    spinner.finish_and_clear();
    let mut report = told?;
    if report.paused_for_backup {
        let advice = report.what_to_back_up(&global.vault_args());
        if terminal::confirm(&format!("{advice}Is that done? Announce the new keys?"))? {
            report = server.resume_node_key_rotation(&[], tell).await?;
        }
    }
    print(global, &report)
}

/// Does every step of the rotations under way that can be done now, and tells each as it is done.
///
/// Stores in `not_waiting_for` are passed over.
pub(crate) async fn advance(
    global: &Global,
    session: &Session,
    not_waiting_for: &BTreeSet<StoreId>,
) -> anyhow::Result<Report> {
    let mut report = Report::begun(&session.vault, "begun")?;
    let spinner = progress::spinner(global, "rotating");
    while let Some(step) = session
        .vault
        .advance_rotation(&session.caller, not_waiting_for)
        .await?
    {
        let (rotation, state) = match step {
            RotationStep::Announced(rotation) => (rotation, "announced"),
            RotationStep::Withdrawn(rotation) => (rotation, "withdrawn"),
            RotationStep::Retired(rotation) => (rotation, "retired"),
            RotationStep::Waiting { rotation, stores } => {
                report.set(&rotation, "waiting");
                report.waiting_for = stores.iter().map(ToString::to_string).collect();
                break;
            }
            // A step that this version does not know changes nothing in what is printed.
            _ => continue,
        };
        spinner.println(format!("{state}: {} -> {}", rotation.old, rotation.new));
        report.set(&rotation, state);
    }
    spinner.finish_and_clear();
    Ok(report)
}

async fn abandon(global: &Global, session: Session) -> anyhow::Result<ExitCode> {
    let report = Report::begun(&session.vault, "abandoned")?;
    session.vault.abandon_rotations(&session.caller).await?;
    session.close().await;
    print(global, &report)
}
