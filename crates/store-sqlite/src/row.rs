//! Reads the columns of a row distrustfully: whoever runs the database may have written them.

use rusqlite::{Connection, types::ValueRef};
use strongroom_store::{Damage, Row, RowCode, StoreError};

use crate::error::failed;

/// The number that a query counts.
pub(crate) fn count(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    let counted: i64 = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row((), |row| row.get(0)))
        .map_err(failed("count the rows"))?;
    Ok(counted.unsigned_abs())
}

/// Every row of a query that has no end of its own, in its order.
pub(crate) fn all<T>(
    connection: &Connection,
    operation: &'static str,
    sql: &str,
    decode: impl Fn(&rusqlite::Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let reading = failed(operation);
    let mut statement = connection.prepare_cached(sql).map_err(&reading)?;
    let mut rows = statement.query(()).map_err(&reading)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(&reading)? {
        records.push(decode(row)?);
    }
    Ok(records)
}

/// A column of a query: its position and its name.
#[derive(Clone, Copy)]
pub(crate) struct Column(pub(crate) usize, pub(crate) &'static str);

/// A row of a query, of which the table is known, and the row's name as far as it has been read.
pub(crate) struct Columns<'r> {
    row: &'r rusqlite::Row<'r>,
    table: &'static str,
    place: Row,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r rusqlite::Row<'r>, table: &'static str) -> Self {
        Self {
            row,
            table,
            place: Row::Nameless,
        }
    }

    /// Names the row, for the errors of the columns read after this.
    pub(crate) fn named(mut self, place: Row) -> Self {
        self.place = place;
        self
    }

    /// The error that says that `column` cannot hold what it holds.
    pub(crate) fn impossible(&self, column: Column) -> StoreError {
        StoreError::corrupted(Damage::Value {
            table: self.table,
            column: column.1,
            row: self.place.clone(),
        })
    }

    fn value(&self, column: Column) -> Result<ValueRef<'r>, StoreError> {
        self.row.get_ref(column.0).map_err(failed("read a column"))
    }

    pub(crate) fn bytes(&self, column: Column) -> Result<&'r [u8], StoreError> {
        match self.value(column)? {
            ValueRef::Blob(bytes) => Ok(bytes),
            _ => Err(self.impossible(column)),
        }
    }

    pub(crate) fn optional_bytes(&self, column: Column) -> Result<Option<&'r [u8]>, StoreError> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => Ok(Some(bytes)),
            _ => Err(self.impossible(column)),
        }
    }

    pub(crate) fn array<const N: usize>(&self, column: Column) -> Result<[u8; N], StoreError> {
        match self.bytes(column)?.try_into() {
            Ok(array) => Ok(array),
            Err(_) => Err(self.impossible(column)),
        }
    }

    pub(crate) fn optional_array<const N: usize>(
        &self,
        column: Column,
    ) -> Result<Option<[u8; N]>, StoreError> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            _ => self.array(column).map(Some),
        }
    }

    pub(crate) fn integer(&self, column: Column) -> Result<i64, StoreError> {
        match self.value(column)? {
            ValueRef::Integer(number) => Ok(number),
            _ => Err(self.impossible(column)),
        }
    }

    pub(crate) fn optional_integer(&self, column: Column) -> Result<Option<i64>, StoreError> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            _ => self.integer(column).map(Some),
        }
    }

    pub(crate) fn number(&self, column: Column) -> Result<u32, StoreError> {
        match self.integer(column)?.try_into() {
            Ok(number) => Ok(number),
            Err(_) => Err(self.impossible(column)),
        }
    }

    pub(crate) fn byte(&self, column: Column) -> Result<u8, StoreError> {
        match self.integer(column)?.try_into() {
            Ok(byte) => Ok(byte),
            Err(_) => Err(self.impossible(column)),
        }
    }

    pub(crate) fn optional_byte(&self, column: Column) -> Result<Option<u8>, StoreError> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            _ => self.byte(column).map(Some),
        }
    }

    pub(crate) fn flag(&self, column: Column) -> Result<bool, StoreError> {
        match self.integer(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.impossible(column)),
        }
    }

    pub(crate) fn code<T: RowCode>(&self, column: Column) -> Result<T, StoreError> {
        T::from_code(self.byte(column)?).ok_or_else(|| self.impossible(column))
    }

    pub(crate) fn text(&self, column: Column) -> Result<&'r str, StoreError> {
        self.optional_text(column)?
            .ok_or_else(|| self.impossible(column))
    }

    /// A text that is not empty.
    pub(crate) fn non_empty_text(&self, column: Column) -> Result<&'r str, StoreError> {
        match self.text(column)? {
            "" => Err(self.impossible(column)),
            name => Ok(name),
        }
    }

    pub(crate) fn optional_text(&self, column: Column) -> Result<Option<&'r str>, StoreError> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(self.impossible(column)),
            },
            _ => Err(self.impossible(column)),
        }
    }
}
