//! Rooms: whole, or since a cursor, for one viewer or for all streams of a node.

use std::collections::HashSet;

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    Db,
    rows::{cursor, get, member, stamp, user_id},
};
use crate::{
    domain::{Absent, Count, Diff, Left, RoomAnswer, RoomId, RoomQuestion, RoomsAnswer, Snapshot, UserId},
    error::{Error, Result},
};

const SNAPSHOT: &str = "\
select 'member' as part, epoch, revision, online_count, user_id::text, name, avatar_url, role, status, status_until,
       message, activity, data::text, joined_at, null::timestamptz as last_seen_at
  from presence.snapshot($1::text::presence.user_id, $2::text::presence.room_id)
 union all
select 'absent', null, null, null, user_id::text, name, avatar_url, role, null, null, null, null, null, null, last_seen_at
  from presence.absent_members($1::text::presence.user_id, $2::text::presence.room_id, $3)
 where $3 > 0";

const READ_ROOMS: &str = "\
select question, kind, what, room_id::text, epoch, revision, online_count, user_id::text, name, avatar_url, role, status,
       status_until, message, activity, data::text, joined_at, reason, last_seen_at
  from presence.read_rooms($1::text[]::presence.room_id[], $2::uuid[], $3::bigint[],
                           $4::text[]::presence.room_id[], $5::text[]::presence.user_id[], $6::integer[])";

impl Db {
    /// `presence.snapshot` with `presence.absent_members`, of one moment; none where the viewer may not enter.
    pub async fn snapshot(
        &self,
        viewer: &UserId,
        room: &RoomId,
        offline: i32,
    ) -> Result<Option<(Snapshot, Vec<Absent>)>> {
        let rows = self
            .query(SNAPSHOT, &[&viewer.as_str(), &room.as_str(), &offline])
            .await?;
        let (members, absent): (Vec<&Row>, Vec<&Row>) = rows
            .iter()
            .partition(|row| row.try_get("part").is_ok_and(|part: &str| part == "member"));
        let Some(head) = members.first() else {
            return Ok(None);
        };
        let mut snapshot = Snapshot {
            room_id: room.clone(),
            cursor: cursor(head)?,
            online_count: get::<i32>(head, "online_count")?.into(),
            members: vec![],
        };
        if get::<Option<&str>>(head, "user_id")?.is_some() {
            snapshot.members = members.iter().map(|row| member(row)).collect::<Result<_>>()?;
        }
        snapshot.members.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        let mut absent: Vec<Absent> = absent.into_iter().map(absent_member).collect::<Result<_>>()?;
        absent.sort_by(|a, b| {
            b.last_seen_at
                .cmp(&a.last_seen_at)
                .then_with(|| a.user_id.cmp(&b.user_id))
        });
        Ok(Some((snapshot, absent)))
    }

    /// `presence.read_rooms`: everything that the streams of a node want to know, in one statement.
    pub async fn read_rooms(
        &self,
        questions: &[RoomQuestion],
        viewers: &[(RoomId, UserId)],
    ) -> Result<RoomsAnswer> {
        let rooms: Vec<&str> = questions.iter().map(|question| question.room.as_str()).collect();
        let epochs: Vec<Option<Uuid>> = questions
            .iter()
            .map(|q| q.cursor.map(|cursor| cursor.epoch))
            .collect();
        let revisions: Vec<Option<i64>> = questions
            .iter()
            .map(|q| q.cursor.map(|cursor| cursor.revision))
            .collect();
        let detail_max: Vec<i32> = questions.iter().map(|question| question.detail_max).collect();
        let viewer_rooms: Vec<&str> = viewers.iter().map(|(room, _)| room.as_str()).collect();
        let viewer_users: Vec<&str> = viewers.iter().map(|(_, user)| user.as_str()).collect();
        let rows = self
            .query(
                READ_ROOMS,
                &[
                    &rooms,
                    &epochs,
                    &revisions,
                    &viewer_rooms,
                    &viewer_users,
                    &detail_max,
                ],
            )
            .await?;
        let mut answers: Vec<Option<RoomAnswer>> =
            std::iter::repeat_with(|| None).take(questions.len()).collect();
        let mut allowed = HashSet::new();
        for row in &rows {
            match get::<&str>(row, "kind")? {
                "head" => *slot(&mut answers, row)? = Some(head(row, questions)?),
                "viewer" => {
                    _ = allowed.insert((RoomId::trusted(get::<&str>(row, "room_id")?), user_id(row)?))
                }
                _ => {}
            }
        }
        for row in &rows {
            if get::<&str>(row, "kind")? == "member" {
                put_member(
                    slot(&mut answers, row)?
                        .as_mut()
                        .ok_or_else(|| Error::bug("a member without a head"))?,
                    row,
                )?;
            }
        }
        let answers = answers.into_iter().collect::<Option<Vec<_>>>();
        let mut answers = answers.ok_or_else(|| Error::bug("a question without an answer"))?;
        answers.iter_mut().for_each(put_in_order);
        Ok(RoomsAnswer { answers, allowed })
    }
}

fn slot<'a>(answers: &'a mut [Option<RoomAnswer>], row: &Row) -> Result<&'a mut Option<RoomAnswer>> {
    let question = get::<i32>(row, "question")?;
    let found = usize::try_from(question - 1)
        .ok()
        .and_then(|at| answers.get_mut(at));
    found.ok_or_else(|| Error::bug("an answer to no question"))
}

fn head(row: &Row, questions: &[RoomQuestion]) -> Result<RoomAnswer> {
    let room_id = RoomId::trusted(get::<&str>(row, "room_id")?);
    let online_count = get::<i32>(row, "online_count")?.into();
    let cursor = cursor(row)?;
    let asked = usize::try_from(get::<i32>(row, "question")? - 1)
        .ok()
        .and_then(|at| questions.get(at)?.cursor);
    Ok(match (get::<&str>(row, "what")?, asked) {
        ("diff", Some(asked)) => RoomAnswer::Diff(Diff {
            room_id,
            from: asked.revision,
            cursor,
            online_count,
            joined: vec![],
            updated: vec![],
            left: vec![],
        }),
        ("count", _) => RoomAnswer::Count(Count {
            room_id,
            cursor,
            online_count,
        }),
        _ => RoomAnswer::Snapshot(Snapshot {
            room_id,
            cursor,
            online_count,
            members: vec![],
        }),
    })
}

fn put_member(answer: &mut RoomAnswer, row: &Row) -> Result<()> {
    match (answer, get::<&str>(row, "what")?) {
        (RoomAnswer::Snapshot(snapshot), "present") => snapshot.members.push(member(row)?),
        (RoomAnswer::Diff(diff), "joined") => diff.joined.push(member(row)?),
        (RoomAnswer::Diff(diff), "updated") => diff.updated.push(member(row)?),
        (RoomAnswer::Diff(diff), "left") => diff.left.push(Left {
            user_id: user_id(row)?,
            reason: get(row, "reason")?,
            last_seen_at: stamp(row, "last_seen_at")?,
        }),
        (_, other) => return Err(Error::bug(format!("a member that is {other:?}"))),
    }
    Ok(())
}

/// The same room reads the same on every node.
fn put_in_order(answer: &mut RoomAnswer) {
    match answer {
        RoomAnswer::Snapshot(snapshot) => {
            snapshot.members.sort_by(|a, b| a.user_id.cmp(&b.user_id));
            // Rows whose lease ended long ago are left out where no reaper runs.
            snapshot.online_count = snapshot.members.len() as i64;
        }
        RoomAnswer::Diff(diff) => {
            diff.joined.sort_by(|a, b| a.user_id.cmp(&b.user_id));
            diff.updated.sort_by(|a, b| a.user_id.cmp(&b.user_id));
            diff.left.sort_by(|a, b| a.user_id.cmp(&b.user_id));
        }
        RoomAnswer::Count(_) => {}
    }
}

fn absent_member(row: &Row) -> Result<Absent> {
    Ok(Absent {
        user_id: user_id(row)?,
        name: get(row, "name")?,
        avatar_url: get(row, "avatar_url")?,
        role: get(row, "role")?,
        last_seen_at: stamp(row, "last_seen_at")?.ok_or_else(|| Error::bug("absent and never seen"))?,
    })
}
