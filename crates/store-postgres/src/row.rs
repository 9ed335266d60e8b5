//! Reads the columns of a row distrustfully: whoever runs the database may have written them.

use sqlx::{Decode, Postgres, Row as _, Type, postgres::PgRow};
use strongroom_store::{Damage, Row, RowCode, StoreError};

/// A column of a query: its position and its name.
#[derive(Clone, Copy)]
pub(crate) struct Column(pub(crate) usize, pub(crate) &'static str);

/// A row of a query, of which the table is known, and the row's name as far as it has been read.
pub(crate) struct Columns<'r> {
    row: &'r PgRow,
    table: &'static str,
    /// Where in the row the columns of the table begin.
    first: usize,
    place: Row,
}

impl<'r> Columns<'r> {
    pub(crate) fn new(row: &'r PgRow, table: &'static str) -> Self {
        Self {
            row,
            table,
            first: 0,
            place: Row::Nameless,
        }
    }

    /// For a row of several tables: those of this one begin at `first`.
    pub(crate) fn from(mut self, first: usize) -> Self {
        self.first = first;
        self
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

    /// A value of another type than the schema says, or none where there must be one, is impossible.
    fn value<T: Decode<'r, Postgres> + Type<Postgres>>(
        &self,
        column: Column,
    ) -> Result<T, StoreError> {
        self.row
            .try_get(self.first + column.0)
            .map_err(|_other_type| self.impossible(column))
    }

    pub(crate) fn bytes(&self, column: Column) -> Result<&'r [u8], StoreError> {
        self.value(column)
    }

    pub(crate) fn optional_bytes(&self, column: Column) -> Result<Option<&'r [u8]>, StoreError> {
        self.value(column)
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
        match self.optional_bytes(column)?.map(TryInto::try_into) {
            None => Ok(None),
            Some(Ok(array)) => Ok(Some(array)),
            Some(Err(_)) => Err(self.impossible(column)),
        }
    }

    pub(crate) fn integer(&self, column: Column) -> Result<i64, StoreError> {
        self.value(column)
    }

    pub(crate) fn optional_integer(&self, column: Column) -> Result<Option<i64>, StoreError> {
        self.value(column)
    }

    pub(crate) fn number(&self, column: Column) -> Result<u32, StoreError> {
        match self.integer(column)?.try_into() {
            Ok(number) => Ok(number),
            Err(_) => Err(self.impossible(column)),
        }
    }

    /// A number that is not negative.
    pub(crate) fn count(&self, column: Column) -> Result<u64, StoreError> {
        match self.integer(column)?.try_into() {
            Ok(number) => Ok(number),
            Err(_) => Err(self.impossible(column)),
        }
    }

    /// From a `smallint`.
    pub(crate) fn byte(&self, column: Column) -> Result<u8, StoreError> {
        self.optional_byte(column)?
            .ok_or_else(|| self.impossible(column))
    }

    pub(crate) fn optional_byte(&self, column: Column) -> Result<Option<u8>, StoreError> {
        match self.value::<Option<i16>>(column)?.map(TryInto::try_into) {
            None => Ok(None),
            Some(Ok(byte)) => Ok(Some(byte)),
            Some(Err(_)) => Err(self.impossible(column)),
        }
    }

    pub(crate) fn flag(&self, column: Column) -> Result<bool, StoreError> {
        self.value(column)
    }

    pub(crate) fn code<T: RowCode>(&self, column: Column) -> Result<T, StoreError> {
        T::from_code(self.byte(column)?).ok_or_else(|| self.impossible(column))
    }

    pub(crate) fn text(&self, column: Column) -> Result<&'r str, StoreError> {
        self.value(column)
    }

    /// A text that is not empty.
    pub(crate) fn non_empty_text(&self, column: Column) -> Result<&'r str, StoreError> {
        match self.text(column)? {
            "" => Err(self.impossible(column)),
            name => Ok(name),
        }
    }

    pub(crate) fn optional_text(&self, column: Column) -> Result<Option<&'r str>, StoreError> {
        self.value(column)
    }

    /// A text that is stored as bytes.
    pub(crate) fn utf8(&self, column: Column) -> Result<&'r str, StoreError> {
        std::str::from_utf8(self.bytes(column)?).map_err(|_not_text| self.impossible(column))
    }

    pub(crate) fn optional_utf8(&self, column: Column) -> Result<Option<&'r str>, StoreError> {
        match self.optional_bytes(column)? {
            None => Ok(None),
            Some(_) => self.utf8(column).map(Some),
        }
    }
}
