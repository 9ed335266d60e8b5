//! Long acts that one process begins and another one finishes: the lease is taken away before each beginning and each commit.

use std::{fs, num::NonZeroUsize, path::PathBuf, time::Duration};

use strongroom_crypto::{AsymmetricEncrypted, Fingerprint};
use strongroom_files::OsFiles;
use strongroom_store::{Replicas as _, Sealing};
use strongroom_vault::{
    Backup, BackupSchedule, BackupWork, ReplicaSettings, Settings, Vault, VaultError,
};

use super::{
    company::{self, Company, Process},
    following::assert_agree,
};
use crate::{
    backups::scheduling::means,
    house::{Picture, all_keys, caller, check_signs, code, encryption_key, signing_key},
    migrating::{self, check_kms},
    rotating::{in_small_steps, rotate, tell},
    topology::acts::initialize,
};

const SECRET: &[u8] = b"what only the decryption key tells";

const SECOND: Duration = Duration::from_secs(1);

/// What takes several commits.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The wrapper key, with keys that the vault or the KMS sealed.
    Rotate(Sealing),
    Move(migrating::Act),
    /// A round: made, verified, and the one before removed.
    BackUp,
}

impl Act {
    fn first_settings(self) -> Settings {
        match self {
            Self::Move(act) => act.first_settings(),
            _ => self.settings(),
        }
    }

    fn settings(self) -> Settings {
        match self {
            Self::Rotate(sealing) => in_small_steps(sealing),
            Self::Move(act) => act.settings(),
            Self::BackUp => in_small_steps(Sealing::DataKey),
        }
    }

    /// Does it, or goes on with what another one began.
    async fn run(self, company: &Company, process: &Process) -> Result<(), VaultError> {
        let vault = &process.vault;
        match self {
            Self::Rotate(_) if vault.retired_data_keys().is_empty() => {
                rotate(vault).await.map(drop)
            }
            Self::Rotate(_) => Ok(()),
            Self::Move(act) => act.run(vault).await,
            Self::BackUp => back_up(company, vault).await,
        }
    }

    /// That it was done, once and wholly, as a process sees it.
    async fn check_done(self, company: &Company, vault: &Vault, when: &str) {
        match self {
            Self::Rotate(_) => {
                assert_eq!(vault.wrapper_key_rotation(), None, "{when}");
                assert_eq!(vault.retired_data_keys().len(), 1, "{when}");
                // What the first one made the second one took up.
                assert_eq!(company.house.kms.list_keys().len(), 2, "{when}");
            }
            Self::Move(act) => {
                for key in all_keys(vault) {
                    let half = key.private.as_ref().unwrap();
                    assert_eq!(half.custody, act.place().custody(), "{when}");
                }
            }
            Self::BackUp => {
                // One whose file went, and which was not forgotten, is seen as such; one with a file there is one of.
                let files = fs::read_dir(folder(company)).unwrap();
                let names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
                let has_file = |backup: &Backup| {
                    let id = backup.id.to_string();
                    names
                        .iter()
                        .any(|name| name.to_string_lossy().contains(&id))
                };
                let mut known = vault.backups();
                known.retain(has_file);
                assert_eq!(known.len(), 1, "{when}: {known:?}");
                assert!(known[0].verified_at.is_some(), "{when}");
            }
        }
    }
}

fn folder(company: &Company) -> PathBuf {
    company.house.root().join("backups")
}

async fn back_up(company: &Company, vault: &Vault) -> Result<(), VaultError> {
    let schedule = BackupSchedule {
        folder: folder(company),
        every: SECOND * 86_400,
        keep: NonZeroUsize::MIN,
        verify: true,
    };
    let means = means(OsFiles::new());
    let done = vault
        .back_up_on_schedule(&caller(), &schedule, BackupWork::Make, means)
        .await?;
    assert!(done.is_sound());
    Ok(())
}

/// Two processes; the first one writes.
struct Scene {
    act: Act,
    company: Company,
    one: Process,
    two: Process,
    signing: Vec<Fingerprint>,
    sealed: AsymmetricEncrypted,
}

impl Scene {
    async fn of(act: Act) -> Self {
        let (company, one) = Company::new_with(act.first_settings()).await;
        fs::create_dir(folder(&company)).unwrap();
        let vault = &one.vault;
        let mut signing = Vec::new();
        for _ in 0..2 {
            signing.push(signing_key(vault).await);
        }
        let encryption = encryption_key(vault).await;
        let sealed = vault.encrypt(&encryption, SECRET).unwrap();
        match act {
            // Whose rows move too.
            Act::Rotate(_) => initialize(vault).await.unwrap(),
            Act::Move(act) if act.needs_keys_in_kms() => {
                migrating::Act::Bring.run(vault).await.unwrap();
            }
            Act::Move(_) => {}
            Act::BackUp => back_up(&company, vault).await.unwrap(),
        }
        one.store.give_lease().await.unwrap();
        drop(one);
        let one = company.open_with("one", nobody_waits(act.settings())).await;
        let two = company.open_with("two", nobody_waits(act.settings())).await;
        // Its first look was a write.
        two.store.give_lease().await.unwrap();
        let lease = one.store.take_lease().await.unwrap();
        assert!(lease.is_held_by(one.store.own_id()));
        one.vault.catch_up().await.unwrap();
        Self {
            act,
            company,
            one,
            two,
            signing,
            sealed,
        }
    }

    /// Every key does what it did: in both processes, where it may be open, and in one that opens the vault now.
    async fn check(&self, when: &str) {
        let settings = nobody_waits(self.act.settings());
        let fresh = self.company.open_with("three", settings).await;
        for process in [&self.one, &self.two, &fresh] {
            let vault = &process.vault;
            vault.catch_up().await.unwrap();
            for key in &self.signing {
                check_signs(vault, key).await;
            }
            let opened = vault.decrypt(&self.sealed).await.unwrap();
            assert_eq!(opened.expose(), SECRET, "{when}");
        }
        Picture::of(&fresh.vault).await;
        assert_agree(&self.one.vault, &self.two.vault).await;
        assert_agree(&self.one.vault, &fresh.vault).await;
    }

    async fn check_done(&self, writer: &Process, when: &str) {
        if let Act::Move(_) = self.act {
            check_kms(&writer.vault, &self.company.house, when).await;
        }
        self.check(when).await;
        for process in [&self.one, &self.two] {
            let done = self.act.check_done(&self.company, &process.vault, when);
            done.await;
        }
        let new = signing_key(&writer.vault).await;
        for process in [&self.one, &self.two] {
            process.vault.catch_up().await.unwrap();
            check_signs(&process.vault, &new).await;
        }
    }

    /// `process` works until the lease goes to `other`, before it begins or commits for the `number`-th time. Whether it came to
    /// that.
    async fn works_until(
        &self,
        process: &Process,
        number: usize,
        other: &Process,
        when: &str,
    ) -> bool {
        self.one.clock.advance(SECOND);
        self.two.clock.advance(SECOND);
        process.store.lose_lease_at(number, &other.store);
        let outcome = self.act.run(&self.company, process).await;
        let has_lost = process.store.has_lost_lease();
        if has_lost {
            assert_eq!(code(outcome), "STORE_NOT_WRITER", "{when}");
        } else {
            outcome.unwrap();
        }
        has_lost
    }
}

/// The clocks stand still.
fn nobody_waits(settings: Settings) -> Settings {
    Settings {
        replica: ReplicaSettings {
            ..company::settings().replica
        },
        ..settings
    }
}

/// Takes the lease away at each beginning and each commit, and once more while the other one goes on, at another place each
/// time.
async fn sweep(act: Act, least: usize) {
    let mut back = 0;
    for number in 1.. {
        let when = format!("{act:?}, place {number}");
        let scene = Scene::of(act).await;
        if !scene
            .works_until(&scene.one, number, &scene.two, &when)
            .await
        {
            scene.check_done(&scene.one, &when).await;
            assert!(number > least, "{act:?} has {number} places only");
            let taken = number - 1;
            tell!("{act:?}: handed over at {taken} places, and back at {back} while going on");
            break;
        }
        scene.check(&when).await;
        let second = 1 + number * 7 % least;
        let mut writer = &scene.two;
        if scene
            .works_until(&scene.two, second, &scene.one, &when)
            .await
        {
            back += 1;
            writer = &scene.one;
            writer.vault.catch_up().await.unwrap();
            writer.clock.advance(SECOND);
            act.run(&scene.company, writer).await.unwrap();
        }
        scene.check_done(writer, &when).await;
    }
}

#[tokio::test]
async fn a_rotation_of_the_wrapper_key_that_one_began_is_finished_by_another() {
    sweep(Act::Rotate(Sealing::DataKey), 12).await;
    sweep(Act::Rotate(Sealing::Direct), 12).await;
}

#[tokio::test]
async fn a_move_of_keys_that_one_began_is_finished_by_another() {
    for act in migrating::Act::ALL {
        sweep(Act::Move(act), 2).await;
    }
}

/// The unit of work that is under way ends, and the next one does not begin.
#[tokio::test]
async fn a_long_act_ends_when_its_process_steps_down_and_is_finished_by_another() {
    for act in [
        Act::Rotate(Sealing::DataKey),
        Act::Rotate(Sealing::Direct),
        Act::Move(migrating::Act::Bring),
        Act::BackUp,
    ] {
        let when = format!("{act:?}");
        let scene = Scene::of(act).await;
        let one = &scene.one.vault;
        let before = one.standing().await.generation;
        let steps_down = async {
            while one.standing().await.generation == before {
                tokio::task::yield_now().await;
            }
            one.step_down(&caller()).await.unwrap();
        };
        scene.one.clock.advance(SECOND);
        scene.two.clock.advance(SECOND);
        let (outcome, ()) = tokio::join!(act.run(&scene.company, &scene.one), steps_down);
        assert_eq!(code(outcome), "REPLICA_STEPPED_DOWN", "{when}");
        // Whoever begins it again right away does not take the lease back.
        let again = act.run(&scene.company, &scene.one).await;
        assert_eq!(code(again), "REPLICA_STEPPED_DOWN", "{when}");
        let lease = scene.two.store.take_lease().await.unwrap();
        assert!(lease.is_held_by(scene.two.store.own_id()));
        scene.two.vault.catch_up().await.unwrap();
        scene.check(&when).await;
        // A round of backups tells them apart by their time.
        scene.two.clock.advance(SECOND);
        act.run(&scene.company, &scene.two).await.unwrap();
        scene.check_done(&scene.two, &when).await;
    }
}

#[tokio::test]
async fn a_round_of_backups_that_one_began_is_finished_by_another() {
    sweep(Act::BackUp, 5).await;
}
