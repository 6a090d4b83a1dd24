//! Rows to domain types, by column name. A value that the schema rules out is a `Bug`.

use serde_json::value::RawValue;
use tokio_postgres::{Row, types::FromSql};
use uuid::Uuid;

use crate::{
    domain::{Cursor, Member, Stamp, Status, UserId},
    error::{Error, Result},
};

/// One column.
pub fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T> {
    row.try_get(column).map_err(Error::bug)
}

/// A moment.
pub fn stamp(row: &Row, column: &str) -> Result<Option<Stamp>> {
    Ok(get::<Option<time::OffsetDateTime>>(row, column)?.map(Stamp))
}

/// A status.
pub fn status(row: &Row, column: &str) -> Result<Option<Status>> {
    match get::<Option<&str>>(row, column)? {
        None => Ok(None),
        Some(text) => Status::parse(text)
            .map(Some)
            .ok_or_else(|| Error::bug(format!("status {text:?}"))),
    }
}

/// Columns `epoch` and `revision`.
pub fn cursor(row: &Row) -> Result<Cursor> {
    Ok(Cursor {
        epoch: get::<Uuid>(row, "epoch")?,
        revision: get(row, "revision")?,
    })
}

/// A user id that is there.
pub fn user_id(row: &Row) -> Result<UserId> {
    Ok(UserId::trusted(get::<&str>(row, "user_id")?))
}

/// The columns of a member.
pub fn member(row: &Row) -> Result<Member> {
    let data = get::<Option<String>>(row, "data")?;
    Ok(Member {
        user_id: user_id(row)?,
        name: get(row, "name")?,
        avatar_url: get(row, "avatar_url")?,
        role: get(row, "role")?,
        status: status(row, "status")?.ok_or_else(|| Error::bug("a member without a status"))?,
        status_until: stamp(row, "status_until")?,
        message: get(row, "message")?,
        activity: get(row, "activity")?,
        data: data.map(RawValue::from_string).transpose().map_err(Error::bug)?,
        joined_at: stamp(row, "joined_at")?.ok_or_else(|| Error::bug("a member without a join"))?,
    })
}
