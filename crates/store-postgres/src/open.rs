//! Makes and opens the schema of a vault.

use strongroom_store::StoreError;

use crate::{
    connections::Connections,
    moved,
    schema::{self, Found},
    settings::Settings,
};

/// Finds a vault, and brings its schema to the newest version. What is refused stays as it was.
pub(crate) async fn existing(
    connections: &Connections,
    settings: &Settings,
) -> Result<(), StoreError> {
    match any(connections, settings).await? {
        Some(target) => Err(StoreError::Moved { target }),
        None => Ok(()),
    }
}

/// The same for a vault that was moved away; any other is refused.
pub(crate) async fn left(connections: &Connections, settings: &Settings) -> Result<(), StoreError> {
    match any(connections, settings).await? {
        Some(_) => Ok(()),
        None => {
            let place = settings.place();
            Err(StoreError::NotAVault { place })
        }
    }
}

/// Where the vault is that was found; none if it is here.
async fn any(connections: &Connections, settings: &Settings) -> Result<Option<String>, StoreError> {
    let mut wire = connections.connect().await?;
    let Found::Ours {
        version,
        has_vault: true,
    } = Found::of(&mut wire, &settings.schema).await?
    else {
        let place = settings.place();
        return Err(StoreError::NotAVault { place });
    };
    if version < schema::newest() {
        schema::upgrade(&mut wire, settings).await?;
    }
    let target = moved::target(&mut wire).await?;
    connections.give_back(wire);
    Ok(target)
}

/// Makes the schema of a new vault, or goes on where a creation was interrupted.
pub(crate) async fn fresh(
    connections: &Connections,
    settings: &Settings,
) -> Result<(), StoreError> {
    let mut wire = connections.connect().await?;
    let place = settings.place();
    match Found::of(&mut wire, &settings.schema).await? {
        Found::Ours {
            has_vault: true, ..
        } => return Err(StoreError::AlreadyAVault { place }),
        Found::Foreign => return Err(StoreError::NotAVault { place }),
        Found::Ours { version, .. } if version == schema::newest() => {}
        Found::Ours { .. } | Found::Nothing | Found::Empty => {
            schema::upgrade(&mut wire, settings).await?;
        }
    }
    connections.give_back(wire);
    Ok(())
}

/// Whether a vault is there.
pub(crate) async fn is_there(
    connections: &Connections,
    settings: &Settings,
) -> Result<bool, StoreError> {
    let mut wire = connections.connect().await?;
    let found = Found::of(&mut wire, &settings.schema).await?;
    Ok(matches!(
        found,
        Found::Ours {
            has_vault: true,
            ..
        }
    ))
}
