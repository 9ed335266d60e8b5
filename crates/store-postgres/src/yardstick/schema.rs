//! A schema that a benchmark has for itself.

use sqlx::{AssertSqlSafe, PgConnection};
use strongroom_store::StoreError;

use super::connect;
use crate::{
    connections::Connections,
    error::{code, failed, refused},
    open,
    settings::{SchemaName, Settings},
};

/// The code of a schema that is there already.
const DUPLICATE_SCHEMA: &str = "42P06";

/// Makes the schema, empty; false if it is there already. Whoever is told true may drop it: nobody else made it.
///
/// # Errors
/// Whatever the server says.
pub async fn make_schema(settings: &Settings) -> Result<bool, StoreError> {
    let mut connection = connect(settings, false).await?;
    let statement = format!("CREATE SCHEMA \"{}\"", settings.schema);
    match run(&mut connection, statement).await {
        Ok(()) => Ok(true),
        Err(error) if code(&error) == Some(DUPLICATE_SCHEMA) => Ok(false),
        Err(error) => Err(failed("make a schema")(error)),
    }
}

/// Drops the schema, and what is in it.
///
/// # Errors
/// Whatever the server says.
pub async fn drop_schema(settings: &Settings) -> Result<(), StoreError> {
    let mut connection = connect(settings, false).await?;
    // The server tells of each table that goes.
    let statement = format!(
        "SET client_min_messages = warning; DROP SCHEMA \"{}\" CASCADE",
        settings.schema
    );
    run(&mut connection, statement)
        .await
        .map_err(failed("drop a schema"))
}

/// Fills the schema, which is empty, with the tables of a vault, and with the keys of the vault in `from`.
///
/// # Errors
/// Whatever the server says.
pub async fn copy_keys(settings: &Settings, from: &SchemaName) -> Result<(), StoreError> {
    let connections =
        Connections::of(settings).map_err(|error| refused("use the settings", error))?;
    open::fresh(&connections, settings).await?;
    connections.begin_to_close();
    let mut connection = connect(settings, false).await?;
    for table in ["data_keys", "public_keys", "private_keys"] {
        // One order of rows on disk for both sides: that of the key.
        let order = if table == "data_keys" {
            "data_key_id"
        } else {
            "fingerprint"
        };
        let statement =
            format!("INSERT INTO {table} SELECT * FROM \"{from}\".{table} ORDER BY {order}");
        run(&mut connection, statement)
            .await
            .map_err(failed("copy keys"))?;
    }
    Ok(())
}

/// Has the space of old rows given back, so that no measurement pays for what came before it.
///
/// # Errors
/// Whatever the server says.
pub async fn vacuum(settings: &Settings) -> Result<(), StoreError> {
    let mut connection = connect(settings, false).await?;
    for table in ["public_keys", "private_keys"] {
        run(&mut connection, format!("VACUUM {table}"))
            .await
            .map_err(failed("give back space"))?;
    }
    Ok(())
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await?;
    Ok(())
}
