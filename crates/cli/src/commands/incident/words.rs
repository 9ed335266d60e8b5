//! The words and commands of a plan.

use strongroom_config::Config;
use strongroom_vault::{Act, Condition, Loss};

/// What the words depend on beside the plan.
pub(super) struct Words {
    /// The configured names of KMSs that are key files.
    key_files: Vec<String>,
    /// Those that are clouds, each with the kind that it is.
    clouds: Vec<(String, &'static str)>,
}

impl Words {
    pub(super) fn of(config: &Config) -> Self {
        let key_files = config
            .kms
            .iter()
            .filter(|kms| kms.provider.local().is_some());
        let clouds = config.kms.iter();
        let clouds = clouds.filter(|kms| ["aws", "gcp"].contains(&kms.provider.kind()));
        Self {
            key_files: key_files.map(|kms| kms.name.clone()).collect(),
            clouds: clouds
                .map(|kms| (kms.name.clone(), kms.provider.kind()))
                .collect(),
        }
    }

    /// What is done, and by which commands; none where it is done elsewhere.
    pub(super) fn of_act(&self, act: &Act) -> (String, Vec<String>) {
        let said = |what: &str, commands: &[&str]| {
            let commands = commands.iter().map(|command| (*command).to_owned());
            (what.to_owned(), commands.collect())
        };
        match act {
            Act::LeaveQuarantine => said(
                "The vault was restored and signs nothing: retire what is announced no more, and release it",
                &["strongroom backup release --i-have-retired-what-is-no-longer-announced"],
            ),
            Act::ReadAudit => said(
                "Read who used, exported and changed what, and keep a copy",
                &["strongroom audit verify", "strongroom audit list"],
            ),
            Act::SealClearKeys => said(
                "Seal what is stored readable, after custody 'envelope' is configured; new keys would be readable too",
                &["strongroom keys seal --all"],
            ),
            Act::LookAtWrapperKey => said(
                "Whoever could open this key could open the others: look at the wrapper key",
                &["strongroom incident --wrapper-key"],
            ),
            Act::LookAtRoot => said(
                "The root key is among them, and nothing replaces it: look at it",
                &["strongroom incident --root"],
            ),
            Act::LookAtKeys(keys) => (
                "Look at each of these keys by itself".to_owned(),
                keys.iter()
                    .map(|key| format!("strongroom incident {key}"))
                    .collect(),
            ),
            Act::GoWhereTheKeyIs => said(
                "The private half is not in this vault: replace the key where it is",
                &[],
            ),
            Act::BeginRotation(key) => (
                "Make the new key durable; nobody hears of it yet".to_owned(),
                vec![match key {
                    Some(key) => format!("strongroom keys rotate {key} --pause-for-backup"),
                    None => "strongroom keys rotate-all --pause-for-backup".to_owned(),
                }],
            ),
            Act::FinishRotation => said(
                "Announce it, withdraw the old one and retire it; while it ends with status 6, send what is announced to the synchronizers, tell the vault, and repeat",
                &[
                    "strongroom keys rotate --resume",
                    "strongroom topology export --format transactions --mapping otk --out change.bin --force",
                    "strongroom topology apply change.bin --store synchronizer:ID --sequenced TIME",
                ],
            ),
            Act::BackUp => said(
                "Back up, and verify that",
                &[
                    "strongroom backup create new.backup --recipient age1...",
                    "strongroom backup verify new.backup --identity-file key.txt",
                ],
            ),
            Act::ReplaceDelegate { root_is_here } => {
                let mut commands = vec!["strongroom keys generate-signing --usage namespace --name second-intermediate"];
                commands.push(if *root_is_here {
                    "strongroom topology delegate NEW --out delegated.cert"
                } else {
                    "strongroom topology root prepare --target-key new.pem --root-key root.pem --out new"
                });
                let what = if *root_is_here {
                    "Make another key that signs for the namespace, and delegate to it"
                } else {
                    "Make another key that signs for the namespace; the root key, which is not here, signs the delegation: docs/runbooks/offline-root-key.md"
                };
                said(what, &commands)
            }
            Act::Revoke { key, root_is_here } => {
                let command = if *root_is_here {
                    format!("strongroom topology revoke {key} --yes --out revoked.cert")
                } else {
                    "strongroom topology root prepare --revoke delegated.cert --root-key root.pem --out revoked"
                        .to_owned()
                };
                let what = "Revoke this one; send both certificates to every synchronizer, the delegation first";
                (what.to_owned(), vec![command])
            }
            Act::ReplacePartyKey(key) => (
                format!("Announce another key for the party in the place of {key}"),
                vec![
                    "strongroom keys generate-signing --usage protocol --name party-second".to_owned(),
                    "strongroom topology authorize --file proposal.bin --out signed.bin".to_owned(),
                ],
            ),
            Act::ReviewStatements(key) => (
                format!(
                    "Look for statements that {key} signed and nobody of you made, here and on every synchronizer; take them back"
                ),
                vec![
                    "strongroom topology list".to_owned(),
                    "strongroom topology revoke HASH --yes --out revoked.cert".to_owned(),
                ],
            ),
            Act::ReviewUse(key) => (
                format!("Look on the ledger, with the operators of the synchronizers, for what {key} signed and nobody of you did"),
                Vec::new(),
            ),
            Act::Retire(key) => (
                "Let it sign nothing any more".to_owned(),
                vec![format!("strongroom keys retire {key} --yes")],
            ),
            Act::DestroyInKms { key, kms } => (
                format!("When nothing refers to it any more, have {kms} destroy it"),
                vec![format!("strongroom keys delete {key} --yes")],
            ),
            Act::SecureKms(kms) if self.key_files.contains(kms) => (
                format!("Give the key file of {kms} another passphrase, where nobody but the vault reads it"),
                vec![format!("strongroom kms protect --kms {kms} --passphrase-prompt")],
            ),
            Act::SecureKms(kms) => (
                format!(
                    "Take access to {kms} away from everybody but the vault, renew its credentials, and read the log of the KMS. Do not disable the key yet: the vault needs it until it was replaced"
                ),
                self.clouds
                    .iter()
                    .filter(|(name, _)| name == kms)
                    .map(|(_, cloud)| format!("strongroom kms policy {cloud} --for node"))
                    .collect(),
            ),
            Act::CheckWraps => said(
                "Every wrap must open, or the rotation does not begin",
                &["strongroom wrapper-key check"],
            ),
            Act::RotateWrapperKey {
                kms,
                wrapper_key_id,
            } => (
                "Put a new wrapper key and a new data key in place of these; then correct 'wrapper-key-id' in the configuration, if it is there".to_owned(),
                vec![
                    format!("strongroom wrapper-key rotate --kms {kms} --from {wrapper_key_id}"),
                    "strongroom config check".to_owned(),
                ],
            ),
            Act::ResumeWrapperKeyRotation => said(
                "Finish the rotation that is under way; until then both wrapper keys open the vault",
                &["strongroom wrapper-key rotate --resume"],
            ),
            Act::ReplaceRecoveryKey {
                kms,
                wrapper_key_id,
            } => (
                "Make another recovery key, put its section into the configuration, let it open the vault, and take the wrap by this one away: a rotation would wrap for it again".to_owned(),
                vec![
                    "strongroom recovery create second --shares 3 --threshold 2".to_owned(),
                    "strongroom wrapper-key add --kms NEW --i-know-it-will-open-every-key".to_owned(),
                    format!("strongroom wrapper-key remove --kms {kms} --wrapper-key {wrapper_key_id} --yes"),
                ],
            ),
            Act::DestroyBackups(ids) => (
                "When the new backup is verified, destroy the files of these, wherever they are, and forget them".to_owned(),
                ids.iter()
                    .map(|id| format!("strongroom backup forget {id} --yes"))
                    .collect(),
            ),
            Act::PruneDataKeys => said(
                "When no backup from before is kept, forget the data keys that only they need",
                &["strongroom wrapper-key prune --yes"],
            ),
            Act::DisableWrapperKey {
                kms,
                wrapper_key_id,
            } => (
                format!("Disable {wrapper_key_id} in {kms}, wait whether somebody misses it, and have it destroyed there"),
                vec!["strongroom wrapper-key show".to_owned()],
            ),
            Act::TellOthers => said(
                "Tell the operators of every synchronizer, and whoever deals with the node: from now on nothing proves that a statement of this namespace is yours",
                &[],
            ),
            Act::NewNamespace => said(
                "Make the node anew in a vault of its own, with its root key offline or in an HSM, and have the synchronizers take it in: docs/runbooks/offline-root-key.md",
                &["strongroom --dir new-vault init --kind participant --node NAME --passphrase-prompt"],
            ),
            Act::MoveParties(parties) => (
                format!(
                    "Have these parties made anew in the new namespace, and what they own moved to them: {}",
                    parties.join(", ")
                ),
                Vec::new(),
            ),
            Act::BurnNamespace { root, root_is_here } => {
                let what = "Burn the namespace, so that nobody signs in it any more, the thief included: as soon as the node can be done without. Send it to every synchronizer";
                let command = if *root_is_here {
                    format!(
                        "strongroom topology revoke {root} --yes --danger-burn-namespace --out burnt.cert"
                    )
                } else {
                    "strongroom topology root prepare --revoke root.cert --root-key root.pem --out burnt".to_owned()
                };
                (what.to_owned(), vec![command])
            }
            // The library may learn acts that this program does not know: it must not leave one out.
            other => (format!("{other:?}"), Vec::new()),
        }
    }
}

pub(super) const fn of_condition(condition: Condition) -> &'static str {
    match condition {
        Condition::DatabaseTaken => {
            "the thief may have a copy of the database, or a backup, as well"
        }
        Condition::CauseNotKnown => "you do not know how this key alone got away",
        Condition::NothingOldToRead => "nobody has to read what was encrypted to it any more",
    }
}

pub(super) const fn of_loss(loss: Loss) -> &'static str {
    match loss {
        Loss::HistoryReadable => {
            "What was encrypted to these keys until they are replaced stays readable to the thief."
        }
        Loss::SignaturesStay => {
            "What was signed before the withdrawal stays valid, also what the thief signed."
        }
        Loss::RevokedForEver => "A revoked delegation never comes back: synchronizers refuse it.",
        Loss::WasReadable => {
            "Keys were stored readable: whoever read the database, or a backup of that time, has them."
        }
        Loss::WasExported => "Copies left the vault by export; no step reaches them.",
        Loss::InBackups => {
            "Backups hold the key; a vault restored from one has it active again until it is retired."
        }
        Loss::OldCopiesOpen => {
            "Copies of the database and backups from before open with the old wrapper key for ever, as long as it exists."
        }
        Loss::RootForEver => {
            "A root key cannot be replaced: whoever has it owns the namespace. Only a new namespace ends that."
        }
        Loss::PartiesBound => "Parties carry the namespace in their names, and go down with it.",
        Loss::BurntForEver => "A burnt namespace never comes back.",
        _ => "Something else, which this program does not know.",
    }
}

#[cfg(test)]
mod tests;
