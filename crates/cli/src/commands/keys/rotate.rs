//! `keys rotate`, `keys rotate-all`: new keys in the place of the node's announced ones.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    process::ExitCode,
};

use clap::Args;
use serde::Serialize;
use strongroom_crypto::{Fingerprint, KeyName};
use strongroom_errors::Category;
use strongroom_topology::StoreId;
use strongroom_vault::{Rotate, Rotation, RotationStep, Vault};

use crate::{args::Global, exit, output, progress, session::Session};

/// Put a new key into the place of one that the node announces.
///
/// The new key is generated and made durable first. Then it is announced beside the old one, the old one is withdrawn, and
/// retired: it still decrypts and verifies what is old, and signs nothing any more. Interrupted, it goes on with --resume.
///
/// When the vault follows a synchronizer that does not show the change yet, the rotation waits for it: exit status 6. Let
/// the vault see what was sequenced ('strongroom topology apply FILE --store synchronizer:ID --sequenced TIME'), then go on
/// with --resume.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    strongroom keys rotate 1220...\n  \
    strongroom keys rotate 1220... --name node-signing-2027\n  \
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
    /// Go on with what was begun.
    #[arg(long, conflicts_with = "fingerprint")]
    resume: bool,
    /// With --resume: do not wait for this store, of a synchronizer that the node left or that never was; may be given more than
    /// once.
    #[arg(long, value_name = "STORE", requires = "resume")]
    not_waiting_for: Vec<StoreId>,
    /// Give up what was begun. Keys and announcements stay as they are.
    #[arg(long, conflicts_with_all = ["fingerprint", "resume"])]
    abandon: bool,
}

/// Put new keys into the place of all that the node announces.
///
/// All new keys are generated and made durable first; then one after the other as 'keys rotate' does, which also says what
/// exit status 6 means.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  strongroom keys rotate-all\n  strongroom keys rotate-all --output json"
)]
pub(crate) struct AllOptions {}

pub(crate) async fn run(global: &Global, options: Options) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    if options.abandon {
        return abandon(global, session).await;
    }
    if let Some(old) = options.fingerprint {
        let name = options.name;
        begin(&session, Rotate::One { old, name }).await?;
    }
    let not_waiting_for = options.not_waiting_for.into_iter().collect();
    go_on(global, session, &not_waiting_for).await
}

pub(crate) async fn all(global: &Global, _options: AllOptions) -> anyhow::Result<ExitCode> {
    let session = Session::open(global).await?;
    begin(&session, Rotate::All).await?;
    go_on(global, session, &BTreeSet::new()).await
}

async fn begin(session: &Session, which: Rotate) -> anyhow::Result<()> {
    let begun = session.vault.begin_rotation(&session.caller, which).await?;
    for rotation in begun {
        let new = session.vault.key(&rotation.new)?;
        super::warn_if_clear(&new);
    }
    Ok(())
}

async fn go_on(
    global: &Global,
    session: Session,
    not_waiting_for: &BTreeSet<StoreId>,
) -> anyhow::Result<ExitCode> {
    let report = advance(global, &session, not_waiting_for).await?;
    session.close().await;
    output::print(global.output, &report, |out| {
        report.write(out, &global.vault_args())
    })?;
    Ok(ExitCode::from(if report.waiting_for.is_empty() {
        0
    } else {
        exit::status(Category::Unavailable)
    }))
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
    output::print(global.output, &report, |out| {
        report.write(out, &global.vault_args())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What became of rotations.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) rotations: Vec<View>,
    /// The stores of synchronizers that must catch up first.
    pub(crate) waiting_for: Vec<String>,
}

/// A rotation.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    pub(crate) old: String,
    pub(crate) new: String,
    /// That of the new key.
    pub(crate) name: Option<String>,
    /// How far it is: begun, announced, waiting, withdrawn, retired, abandoned.
    pub(crate) state: &'static str,
}

impl Report {
    fn begun(vault: &Vault, state: &'static str) -> anyhow::Result<Self> {
        let mut rotations = Vec::new();
        for rotation in vault.rotations() {
            // The public half may be gone by force; the rotation can still be looked at and given up.
            let name = vault
                .key(&rotation.new)
                .ok()
                .and_then(|key| key.name.clone());
            rotations.push(View {
                old: rotation.old.to_string(),
                new: rotation.new.to_string(),
                name: name.map(|name| name.as_str().to_owned()),
                state,
            });
        }
        Ok(Self {
            rotations,
            waiting_for: Vec::new(),
        })
    }

    fn set(&mut self, rotation: &Rotation, state: &'static str) {
        let old = rotation.old.to_string();
        for view in self.rotations.iter_mut().filter(|view| view.old == old) {
            view.state = state;
        }
    }

    fn write(&self, out: &mut dyn Write, vault: &str) -> io::Result<()> {
        if self.rotations.is_empty() {
            return writeln!(out, "no rotation is under way");
        }
        let rows = self.rotations.iter().map(|view| {
            [
                view.old.clone(),
                view.new.clone(),
                view.name.clone().unwrap_or_else(|| "-".to_owned()),
                view.state.to_owned(),
            ]
        });
        let table = output::table(["OLD", "NEW", "NAME", "STATE"], rows);
        writeln!(out, "{table}")?;
        for store in &self.waiting_for {
            writeln!(
                out,
                "\n{store} does not show it yet. Give it the change, and when it has sequenced it:\n  \
                strongroom topology export {vault} --mapping otk --format transactions --out FILE\n  \
                strongroom topology apply FILE {vault} --store {store} --sequenced TIME\n  \
                strongroom keys rotate {vault} --resume\n\
                A synchronizer that the node left never shows it:\n  \
                strongroom keys rotate {vault} --resume --not-waiting-for {store}"
            )?;
        }
        Ok(())
    }
}
