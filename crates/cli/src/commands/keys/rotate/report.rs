//! What became of rotations, for people and programs.

use std::io::{self, Write};

use serde::Serialize;
use strongroom_vault::{Rotation, Vault};

use crate::output;

/// What became of rotations.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) rotations: Vec<View>,
    /// The stores of synchronizers that must catch up first.
    pub(crate) waiting_for: Vec<String>,
    /// The new keys are to be backed up before they are announced.
    pub(crate) paused_for_backup: bool,
}

/// A rotation.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    pub(crate) old: String,
    pub(crate) new: String,
    /// That of the new key.
    pub(crate) name: Option<String>,
    /// Where the new key is: clear, envelope, external.
    pub(crate) custody: Option<String>,
    /// The KMS that holds the new key, by its configured name.
    pub(crate) kms: Option<String>,
    /// The new key, as its KMS calls it.
    pub(crate) kms_key: Option<String>,
    /// How far it is: begun, announced, waiting, withdrawn, retired, abandoned.
    pub(crate) state: &'static str,
}

impl Report {
    pub(super) fn begun(vault: &Vault, state: &'static str) -> anyhow::Result<Self> {
        Ok(Self {
            rotations: vault
                .rotations()
                .iter()
                .map(|rotation| View::of(vault, rotation, state))
                .collect(),
            waiting_for: Vec::new(),
            paused_for_backup: false,
        })
    }

    pub(super) fn set(&mut self, rotation: &Rotation, state: &'static str) {
        let old = rotation.old.to_string();
        for view in self.rotations.iter_mut().filter(|view| view.old == old) {
            view.state = state;
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write, vault: &str) -> io::Result<()> {
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
        if self.paused_for_backup {
            let advice = self.what_to_back_up(vault);
            write!(
                out,
                "\n{advice}Then go on:\n  strongroom keys rotate {vault} --resume\n"
            )?;
        }
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

    /// What must be safe before others rely on the new keys.
    pub(super) fn what_to_back_up(&self, vault: &str) -> String {
        let mut text = format!(
            "The new keys are durable, and nobody relies on them yet. Back up now: a database that is restored from before has \
            lost them.\n  strongroom backup create FILE {vault}\n"
        );
        for view in &self.rotations {
            if let (Some(kms), Some(key)) = (&view.kms, &view.kms_key) {
                text.push_str(&format!(
                    "  {} is in the KMS '{kms}' and in no backup of ours: see that it keeps {key}\n",
                    view.new
                ));
            }
        }
        text
    }
}

impl View {
    fn of(vault: &Vault, rotation: &Rotation, state: &'static str) -> Self {
        // The public half may be gone by force; the rotation can still be looked at and given up.
        let new = vault.key(&rotation.new).ok();
        let name = new.as_ref().and_then(|key| key.name.as_ref());
        let half = new.as_ref().and_then(|key| key.private.as_ref());
        let held = half.and_then(|half| half.external.as_ref());
        Self {
            old: rotation.old.to_string(),
            new: rotation.new.to_string(),
            name: name.map(|name| name.as_str().to_owned()),
            custody: half.map(|half| half.custody.name().to_owned()),
            kms: held.map(|held| held.kms.clone()),
            kms_key: held.map(|held| held.key_id.clone()),
            state,
        }
    }
}
