//! Looks for what hardware does to a database, as far as its owner can see it.

use sqlx::AssertSqlSafe;
use strongroom_store::{Damage, StoreError};

use crate::{
    error::failed,
    row::{Column, Columns},
    wire::Wire,
};

/// Each reference of the schema: table, column, the table referred to, its column.
const REFERENCES: &[(&str, &str, &str, &str)] = &[
    ("vault", "current_data_key", "data_keys", "data_key_id"),
    ("wraps", "data_key_id", "data_keys", "data_key_id"),
    ("public_keys", "data_key_id", "data_keys", "data_key_id"),
    ("private_keys", "data_key_id", "data_keys", "data_key_id"),
    ("private_keys", "fingerprint", "public_keys", "fingerprint"),
    ("topology", "data_key_id", "data_keys", "data_key_id"),
    ("identity", "data_key_id", "data_keys", "data_key_id"),
    ("rotations", "data_key_id", "data_keys", "data_key_id"),
    ("rotations", "old_key", "public_keys", "fingerprint"),
    ("rotations", "new_key", "public_keys", "fingerprint"),
    ("kms_journal", "data_key_id", "data_keys", "data_key_id"),
    ("backups", "data_key_id", "data_keys", "data_key_id"),
    ("approvals", "data_key_id", "data_keys", "data_key_id"),
];

/// The tables whose rows are found by an index, and the column that it begins with.
const INDEXED: &[(&str, &str)] = &[
    ("data_keys", "data_key_id"),
    ("public_keys", "fingerprint"),
    ("private_keys", "fingerprint"),
    ("audit", "sequence"),
    ("topology", "store"),
];

/// Reads every table whole and by its index, and follows every reference. Pages that the server cannot read, or whose checksum
/// is wrong where it has checksums, show here.
pub(crate) async fn check_everything(wire: &mut Wire) -> Result<(), StoreError> {
    check_catalogue(wire).await?;
    for (table, column) in INDEXED {
        check_index(wire, table, column).await?;
    }
    for reference in REFERENCES {
        check_reference(wire, reference).await?;
    }
    Ok(())
}

/// Whether the server itself marks an index or a rule as not to be relied upon.
async fn check_catalogue(wire: &mut Wire) -> Result<(), StoreError> {
    const LOOK: &str = "SELECT relname::text FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
         WHERE relnamespace = current_schema()::regnamespace AND NOT (indisvalid AND indisready) \
         UNION ALL SELECT conname::text FROM pg_constraint \
         WHERE connamespace = current_schema()::regnamespace AND NOT convalidated LIMIT 1";
    let found = wire
        .optional_row(sqlx::query(LOOK))
        .await
        .map_err(failed("check the database"))?;
    match found {
        None => Ok(()),
        Some(row) => {
            let name = Columns::new(&row, "pg_index")
                .text(Column(0, "relname"))?
                .to_owned();
            Err(structure(format!("{name} is not valid")))
        }
    }
}

async fn check_index(wire: &mut Wire, table: &str, column: &str) -> Result<(), StoreError> {
    let sql = format!("SELECT count({column}) FROM {table}");
    let off = |kinds: &[&str]| -> String {
        let off = |kind| format!("SET LOCAL enable_{kind} = off;");
        kinds.iter().map(off).collect()
    };
    let reset = "SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = on; SET LOCAL enable_indexonlyscan = on; \
         SET LOCAL enable_bitmapscan = on";
    let whole = off(&["indexscan", "indexonlyscan", "bitmapscan"]);
    let by_index = off(&["seqscan"]);
    let mut counts = [0; 2];
    for (count, how) in counts.iter_mut().zip([whole, by_index]) {
        let script = format!("{how} {sql}");
        let rows = wire
            .script(&script)
            .await
            .map_err(failed("check the database"))?;
        if let Some(row) = rows.last() {
            *count = Columns::new(row, "rows").count(Column(0, "count"))?;
        }
        wire.script(reset)
            .await
            .map_err(failed("check the database"))?;
    }
    let [rows, entries] = counts;
    if rows == entries {
        Ok(())
    } else {
        Err(structure(format!(
            "{table} has {rows} rows and its index {entries}"
        )))
    }
}

async fn check_reference(
    wire: &mut Wire,
    (table, column, parent, key): &(&str, &str, &str, &str),
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM {table} WHERE NOT EXISTS \
         (SELECT 1 FROM {parent} WHERE {parent}.{key} = {table}.{column}))"
    );
    let row = wire
        .row(sqlx::query(AssertSqlSafe(sql)))
        .await
        .map_err(failed("check the database"))?;
    if Columns::new(&row, "rows").flag(Column(0, "exists"))? {
        Err(StoreError::corrupted(Damage::Reference {
            table: (*table).to_owned(),
            parent: (*parent).to_owned(),
        }))
    } else {
        Ok(())
    }
}

fn structure(finding: String) -> StoreError {
    StoreError::corrupted(Damage::Structure { finding })
}
