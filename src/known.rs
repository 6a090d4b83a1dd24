//! What a node could put back after a loss of the unlogged data: the sessions that it heard of less than one TTL ago, each
//! with what people saw of its user. It is no presence: nobody is shown by it, and nothing is read from it but after a
//! loss, where Postgres asks access again and never overwrites.
//!
//! A session is noted before its heartbeat is sent (what rings may be read before the answer is here), and counts once
//! that was answered. What people see comes from the reads of rooms that streams of this node watch; who has left, been
//! taken out or become invisible is forgotten with the read that says so. Of a room that nobody here watches, or that is
//! told by its count alone, nothing is known and nothing is put back: its clients come back by themselves.
//!
//! No clock, no I/O. Expired sessions are dropped by [`Known::tidy`].

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::domain::{BeatKey, Member, PutBack, RoomAnswer, RoomId, Seen, Status, UserId};

#[derive(Debug, Default)]
struct Session {
    /// When a heartbeat or a renewal was answered last; none: not yet.
    heard_at: Option<Instant>,
    holder: Option<Uuid>,
    /// The stream is closed: the grace ends then.
    ends_at: Option<Instant>,
}

#[derive(Debug, Default)]
struct Person {
    seen: Option<Seen>,
    sessions: HashMap<Uuid, Session>,
}

/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Guards the people alone; held for look-ups, never across an await.
    rooms: Arc<Mutex<HashMap<RoomId, HashMap<UserId, Person>>>>,
}

impl Known {
    /// Their heartbeats are about to be sent.
    pub fn expect<'a>(&self, keys: impl Iterator<Item = &'a BeatKey>) {
        let mut rooms = self.lock();
        for key in keys {
            session(&mut rooms, key);
        }
    }

    /// Their leases were renewed at this moment.
    pub fn heard<'a>(&self, keys: impl Iterator<Item = &'a BeatKey>, now: Instant) {
        let mut rooms = self.lock();
        for key in keys {
            let session = session(&mut rooms, key);
            (session.heard_at, session.ends_at) = (Some(now), None);
        }
    }

    /// They are over, or hidden.
    pub fn forget<'a>(&self, keys: impl Iterator<Item = &'a BeatKey>) {
        let mut rooms = self.lock();
        for key in keys {
            let person = rooms
                .get_mut(&key.room)
                .and_then(|people| people.get_mut(&key.user));
            if let Some(person) = person {
                person.sessions.remove(&key.session);
            }
        }
    }

    /// A stream holds it from now on.
    pub fn hold(&self, key: &BeatKey, holder: Uuid) {
        session(&mut self.lock(), key).holder = Some(holder);
    }

    /// The stream that held it is closed: it lasts until then, unless it is heard of again.
    pub fn release(&self, key: &BeatKey, ends_at: Instant) {
        let mut rooms = self.lock();
        let session = session(&mut rooms, key);
        (session.holder, session.ends_at) = (None, Some(ends_at));
    }

    /// When the grace of a session ends whose stream, this holder, is closed; none: it is open, or its client was heard of
    /// since, or has left.
    pub fn closed_until(&self, key: &BeatKey, holder: Uuid) -> Option<Instant> {
        let rooms = self.lock();
        let session = rooms.get(&key.room)?.get(&key.user)?.sessions.get(&key.session)?;
        (session.holder != Some(holder)).then_some(session.ends_at)?
    }

    /// Whether there is somebody whom no read has told of yet: who resumed by a cursor, say, that others had been told
    /// everything at.
    pub fn has_unseen(&self, room: &RoomId) -> bool {
        let rooms = self.lock();
        let mut people = rooms.get(room).into_iter().flat_map(HashMap::values);
        people.any(|person| {
            let is_here = |session: &Session| session.heard_at.is_some();
            person.seen.is_none() && person.sessions.values().any(is_here)
        })
    }

    /// A room was read, by a statement that began then.
    pub fn saw(&self, answer: &RoomAnswer, began: Instant) {
        let mut rooms = self.lock();
        let Some(people) = rooms.get_mut(answer.room_id()) else {
            return;
        };
        match answer {
            RoomAnswer::Snapshot(snapshot) => {
                let here: HashSet<&UserId> = snapshot.members.iter().map(|member| &member.user_id).collect();
                for (user, person) in people.iter_mut() {
                    if !here.contains(user) {
                        person.left(began);
                    }
                }
                see(people, &snapshot.members);
            }
            RoomAnswer::Diff(diff) => {
                for left in &diff.left {
                    if let Some(person) = people.get_mut(&left.user_id) {
                        person.left(began);
                    }
                }
                see(people, &diff.joined);
                see(people, &diff.updated);
            }
            RoomAnswer::Count(_) => people.values_mut().for_each(|person| person.seen = None),
        }
    }

    /// What is to be put back, of the rooms that are watched. `ttl`: how long a lease lasts.
    pub fn to_put_back(
        &self,
        is_watched: impl Fn(&RoomId) -> bool,
        ttl: Duration,
        now: Instant,
    ) -> Vec<PutBack> {
        let mut found = vec![];
        for (room, people) in self.lock().iter().filter(|(room, _)| is_watched(room)) {
            for (user, person) in people {
                let Some(seen) = &person.seen else { continue };
                for (id, session) in &person.sessions {
                    let Some(lasts) = session.lasts(ttl, now) else {
                        continue;
                    };
                    let (room, user, session_id) = (room.clone(), user.clone(), *id);
                    found.push(PutBack {
                        key: BeatKey {
                            room,
                            user,
                            session: session_id,
                        },
                        holder: session.holder,
                        lasts,
                        seen: seen.clone(),
                    });
                }
            }
        }
        found
    }

    /// Drops what has run out, and people of whom no session is left.
    pub fn tidy(&self, ttl: Duration, now: Instant) {
        self.lock().retain(|_, people| {
            people.retain(|_, person| {
                // What was never heard of is being asked for, or was refused: the next time it goes.
                person.sessions.retain(|_, session| {
                    let is_asked = session.heard_at.is_none();
                    session
                        .heard_at
                        .get_or_insert(now.checked_sub(ttl).unwrap_or(now));
                    is_asked || session.lasts(ttl, now).is_some()
                });
                !person.sessions.is_empty()
            });
            !people.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, HashMap<UserId, Person>>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn session<'a>(rooms: &'a mut HashMap<RoomId, HashMap<UserId, Person>>, key: &BeatKey) -> &'a mut Session {
    let people = rooms.entry(key.room.clone()).or_default();
    let person = people.entry(key.user.clone()).or_default();
    person.sessions.entry(key.session).or_default()
}

fn see(people: &mut HashMap<UserId, Person>, members: &[Member]) {
    for member in members {
        if let Some(person) = people.get_mut(&member.user_id) {
            person.see(member);
        }
    }
}

impl Person {
    fn see(&mut self, member: &Member) {
        let before = self.seen.take();
        let (status, status_until) = match (member.status, before) {
            (Status::Typing, Some(before)) => (before.status, before.status_until),
            (Status::Typing, None) => (Status::Active, None),
            (status, _) => (status, member.status_until),
        };
        self.seen = Some(Seen {
            joined_at: member.joined_at,
            status,
            status_until,
            message: member.message.clone(),
            activity: member.activity.clone(),
            data: member.data.as_ref().map(|data| data.get().to_owned()),
        });
    }

    /// Gone when a read began: what was heard of later is another presence.
    fn left(&mut self, began: Instant) {
        self.seen = None;
        self.sessions
            .retain(|_, session| session.heard_at.is_none_or(|at| at > began));
    }
}

impl Session {
    /// How much of its lease is left; none: nothing, or not heard of yet. What a stream holds is here for as long as the
    /// stream is, however long Postgres was away.
    fn lasts(&self, ttl: Duration, now: Instant) -> Option<Duration> {
        let until = self.heard_at? + ttl;
        if self.holder.is_some() {
            return Some(ttl);
        }
        let until = self.ends_at.map_or(until, |ends_at| until.min(ends_at));
        let lasts = until.saturating_duration_since(now);
        (!lasts.is_zero()).then_some(lasts)
    }
}

#[cfg(test)]
mod tests;
