//! Something that the vault stands on fails: whatever it is, the old state or the new one is there, and goes on.

#[path = "faults/anchor.rs"]
pub(crate) mod anchor;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/given_up.rs"]
pub(crate) mod given_up;
#[path = "faults/kms.rs"]
pub(crate) mod kms;
#[path = "faults/random.rs"]
mod random;
#[path = "faults/store.rs"]
pub(crate) mod store;

use strongroom_vault::{Vault, VaultError};

use crate::{
    acts::{Act, Stage},
    house::{House, Picture, check_signs},
};

/// A vault on which acts fail, and what it was before.
struct Trial<'s> {
    stage: &'s Stage,
    house: House,
    vault: Vault,
    before: Picture,
}

impl<'s> Trial<'s> {
    /// `vault` was opened in a copy of the stage's house.
    async fn new(stage: &'s Stage, house: House, vault: Vault) -> Self {
        let before = Picture::of(&vault).await;
        Self {
            stage,
            house,
            vault,
            before,
        }
    }

    async fn run(&self, act: Act) -> Result<(), VaultError> {
        act.run(&self.vault, &self.stage.keys).await
    }

    /// Whether the act was done: if not, nothing may have changed, neither in memory nor on the disk.
    async fn was_done(&self, act: Act, when: &str) -> bool {
        let after = Picture::of(&self.vault).await;
        let done = act.is_done(&self.stage.keys, &self.before, &after);
        assert!(
            done || after == self.before,
            "{act:?}, {when}: neither the old nor the new state: {after:#?}"
        );
        let on_disk = self.house.picture_after_crash().await;
        assert_eq!(on_disk, after, "{act:?}, {when}");
        check_signs(&self.vault, &self.stage.keys.witness).await;
        done
    }

    /// The vault goes on with another act, and all of it is there when the vault is opened again.
    async fn goes_on(self, when: &str) {
        let Self {
            stage,
            house,
            vault,
            ..
        } = self;
        let before = Picture::of(&vault).await;
        let act = Act::Generate;
        act.run(&vault, &stage.keys).await.unwrap();
        let after = Picture::of(&vault).await;
        assert!(act.is_done(&stage.keys, &before, &after), "{when}");
        vault.close().await.unwrap();
        assert_eq!(Picture::of(&house.open().await).await, after, "{when}");
    }
}
