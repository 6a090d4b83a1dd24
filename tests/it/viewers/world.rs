//! A randomised application with people in its rooms, and what each of them may see, worked out here from what was put
//! in and never by asking our SQL.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Client;
use uuid::Uuid;

use crate::support::{
    db::TestDb,
    sql::{as_owner, literal, run},
};

/// Numbers that look random and are the same in each run.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// From a seed other than 0.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }
}

/// How somebody who was in a room is not there any more, or that they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    Here,
    Left,
    Expired,
}

/// A room of the world.
#[derive(Debug)]
pub struct Room {
    /// Its id.
    pub id: String,
    event: Option<usize>,
    kind: Option<&'static str>,
    vendor: Option<usize>,
}

/// Users, rooms and events by number, their ids, and who takes part as what.
#[derive(Debug)]
pub struct World {
    /// Ids of users.
    pub users: Vec<String>,
    /// Rooms.
    pub rooms: Vec<Room>,
    /// Ids of events.
    pub events: Vec<String>,
    roles: BTreeMap<(usize, usize), Vec<Option<&'static str>>>,
    stays: BTreeMap<(usize, usize), Stay>,
}

const USERS: usize = 9;
const ROOMS: usize = 11;
const EVENTS: usize = 3;

const KINDS: [Option<&str>; 5] = [Some("vendor"), Some("chat"), None, Some("Vendor"), Some("stage")];
const ROLES: [Option<&str>; 5] = [
    Some("vendor"),
    Some("coordinator"),
    Some("collaborator"),
    None,
    Some("VENDOR "),
];

/// Ids that look alike, or like SQL, or like nothing.
const NASTY: [&str; 12] = [
    "a",
    "A",
    "a.b",
    "\"a\".b",
    " ",
    "%",
    "' or true --",
    "\u{202e}rtl",
    "null",
    "$1",
    "{a,b}",
    "ünï",
];

fn id(id_type: &str, kind: usize, number: usize) -> String {
    match id_type {
        "text" => NASTY[number].to_owned(),
        "uuid" => Uuid::from_u128((kind * 1000 + number) as u128).to_string(),
        _ => (i64::MIN + (kind * 1000 + number) as i64).to_string(),
    }
}

impl World {
    /// Puts it into the database: tables of an application that nobody here has met, a mapping, people in rooms, and then
    /// some of them taken out, with nobody at work who would end their presence.
    pub async fn settle(db: &TestDb, id_type: &'static str, seed: u64) -> Self {
        let world = Self::imagine(id_type, &mut Dice::new(seed));
        let admin = db.admin().await;
        run(&admin, &tables(id_type)).await;
        as_owner(&admin, MAPPING).await;
        run(&admin, &world.rows()).await;
        world.settle_in(&admin, &mut Dice::new(seed)).await
    }

    fn imagine(id_type: &str, dice: &mut Dice) -> Self {
        let mut roles = BTreeMap::new();
        for room in 0..ROOMS {
            for user in 0..USERS - 1 {
                let two = dice.roll(9) == 0; // the same user twice, as different things
                match dice.roll(5) {
                    0 => {}
                    _ if two => _ = roles.insert((room, user), vec![ROLES[0], ROLES[dice.roll(5)]]),
                    _ => _ = roles.insert((room, user), vec![ROLES[dice.roll(5)]]),
                }
            }
        }
        let some = |dice: &mut Dice, of: usize| Some(dice.roll(of + 1)).filter(|nth| *nth < of);
        let room = |number: usize| Room {
            id: id(id_type, 2, number),
            event: some(dice, EVENTS),
            kind: KINDS[if number.is_multiple_of(2) { 0 } else { dice.roll(5) }],
            vendor: some(dice, USERS),
        };
        Self {
            rooms: (0..ROOMS).map(room).collect(),
            users: (0..USERS).map(|number| id(id_type, 1, number)).collect(),
            events: (0..EVENTS).map(|number| id(id_type, 3, number)).collect(),
            roles,
            stays: BTreeMap::new(),
        }
    }

    fn rows(&self) -> String {
        let user =
            |number: Option<usize>| number.map_or("null".to_owned(), |number| literal(&self.users[number]));
        let word = |word: Option<&str>| word.map_or("null".to_owned(), literal);
        let users = self.users.iter().enumerate().map(|(number, id)| {
            let face = if number.is_multiple_of(2) {
                "null"
            } else {
                "'face'"
            };
            format!(
                "insert into town.person values ({}, 'Person {number}', {face}, 'secret {number}');",
                literal(id)
            )
        });
        let events = self.events.iter().enumerate().map(|(number, id)| {
            format!(
                "insert into town.fair values ({}, 'Fair {number}', {});",
                literal(id),
                user(Some(number))
            )
        });
        let rooms = self.rooms.iter().enumerate().map(|(number, room)| {
            let event = room
                .event
                .map_or("null".to_owned(), |event| literal(&self.events[event]));
            format!(
                "insert into town.place values ({}, {event}, 'Place {number}', {}, {});",
                literal(&room.id),
                word(room.kind),
                user(room.vendor)
            )
        });
        let roles = self.roles.iter().flat_map(|((room, user), roles)| {
            let row = |role: &Option<&str>| {
                format!(
                    "insert into town.guest values ({}, {}, {});",
                    literal(&self.rooms[*room].id),
                    literal(&self.users[*user]),
                    word(*role)
                )
            };
            roles.iter().map(row)
        });
        users.chain(events).chain(rooms).chain(roles).collect()
    }

    async fn settle_in(mut self, admin: &Client, dice: &mut Dice) -> Self {
        for room in 0..ROOMS {
            for user in 0..USERS {
                let stay = [Stay::Here, Stay::Here, Stay::Left, Stay::Expired][dice.roll(4)];
                if self.may(user, room) && dice.roll(4) > 0 {
                    run(admin, &self.comes(room, user, stay)).await;
                    self.stays.insert((room, user), stay);
                }
            }
        }
        let roles: Vec<(usize, usize)> = self.roles.keys().copied().collect();
        for (room, user) in roles {
            if dice.roll(8) == 0 {
                self.roles.remove(&(room, user));
                let (room, user) = (literal(&self.rooms[room].id), literal(&self.users[user]));
                run(
                    admin,
                    &format!("delete from town.guest where place = {room} and person = {user}"),
                )
                .await;
            }
        }
        self
    }

    fn comes(&self, room: usize, user: usize, stay: Stay) -> String {
        let (place, person) = (literal(&self.rooms[room].id), literal(&self.users[user]));
        let session = |tab: usize| format!("'{}'", Uuid::from_u128((room * 100 + user * 10 + tab) as u128));
        let one = format!("where room_id = {place} and user_id = {person}");
        let beat = |tab| {
            format!(
                "select presence.heartbeat({place}, {person}, {}, message => 'from {room}');",
                session(tab)
            )
        };
        let leave = |tab| format!("select presence.leave({place}, {person}, {});", session(tab));
        match stay {
            Stay::Here => beat(0) + &beat(1) + &leave(1) + &beat(2),
            Stay::Left => beat(0) + &leave(0),
            Stay::Expired => {
                beat(0)
                    + &format!(
                        "update presence_private.session set beat_at = now() - interval '2 s', expires_at = now() - interval '1 s' {one};"
                    )
            }
        }
    }

    /// The rule: a participant may enter; of a vendor room, a vendor only where it is their own.
    pub fn may(&self, user: usize, room: usize) -> bool {
        let place = &self.rooms[room];
        self.roles.get(&(room, user)).is_some_and(|roles| {
            roles.iter().any(|role| {
                place.kind != Some("vendor") || *role != Some("vendor") || place.vendor == Some(user)
            })
        })
    }

    fn here(&self, room: usize) -> impl Iterator<Item = usize> + '_ {
        (0..USERS).filter(move |user| self.stays.get(&(room, *user)) == Some(&Stay::Here))
    }

    fn rooms_of(&self, user: usize) -> impl Iterator<Item = usize> + '_ {
        (0..ROOMS).filter(move |room| self.may(user, *room))
    }

    /// Rows of `visible_members`: the rooms that `user` may enter, who is there, and how they look.
    pub fn members(&self, user: usize) -> Vec<String> {
        let row = |room: usize, other: usize| {
            let face = if other.is_multiple_of(2) { "-" } else { "face" };
            let roles = self.roles.get(&(room, other)).map_or(&[][..], Vec::as_slice);
            let role = match roles {
                [role] => role.unwrap_or("-"),
                [] => "-",
                _ => "several",
            };
            format!(
                "{}|{}|Person {other}|{face}|{role}|active|from {room}",
                self.rooms[room].id, self.users[other]
            )
        };
        sorted(
            self.rooms_of(user)
                .flat_map(|room| self.here(room).map(move |other| row(room, other))),
        )
    }

    /// Rows of `visible_rooms`.
    pub fn rooms(&self, user: usize) -> Vec<String> {
        let row = |room: usize| {
            let place = &self.rooms[room];
            let event = place.event.map_or("-", |event| &self.events[event]);
            let kind = place.kind.unwrap_or("-");
            format!(
                "{}|{event}|Place {room}|{kind}|{}",
                place.id,
                self.here(room).count()
            )
        };
        sorted(self.rooms_of(user).map(row))
    }

    /// Rows of `visible_events`: each person counted once, in the rooms that `user` may enter.
    pub fn events(&self, user: usize) -> Vec<String> {
        let row = |event: usize| {
            let rooms: Vec<usize> = self
                .rooms_of(user)
                .filter(|room| self.rooms[*room].event == Some(event))
                .collect();
            let people: BTreeSet<usize> = rooms.iter().flat_map(|room| self.here(*room)).collect();
            let (id, chair) = (&self.events[event], &self.users[event]);
            (!rooms.is_empty()).then(|| format!("{id}|Fair {event}|{chair}|{}", people.len()))
        };
        sorted((0..EVENTS).filter_map(row))
    }

    /// Rows of `visible_last_seen`: those who were there and may still enter.
    pub fn last_seen(&self, user: usize) -> Vec<String> {
        let row = |room: usize, other: usize| {
            let reason = match self.stays.get(&(room, other))? {
                Stay::Here => "-",
                Stay::Left => "left",
                Stay::Expired => "expired",
            };
            let (room_id, user_id) = (&self.rooms[room].id, &self.users[other]);
            self.may(other, room)
                .then(|| format!("{room_id}|{user_id}|Person {other}|{reason}"))
        };
        sorted(
            self.rooms_of(user)
                .flat_map(|room| (0..USERS).filter_map(move |other| row(room, other))),
        )
    }
}

fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.collect();
    rows.sort_unstable();
    rows
}

/// Without keys and checks, so that anything can be in them.
fn tables(id_type: &str) -> String {
    format!(
        "create schema town;
         create table town.person (id {id_type}, name text, face text, email text);
         create table town.fair (id {id_type}, name text, chair {id_type});
         create table town.place (id {id_type}, fair {id_type}, name text, kind text, owner {id_type});
         create table town.guest (place {id_type}, person {id_type}, role text);
         grant usage on schema town to presence_owner;
         grant select (id, name, face) on town.person to presence_owner;
         grant select on town.fair, town.place, town.guest to presence_owner;"
    )
}

const MAPPING: &str = "\
create or replace function presence_host.users()
    returns table (user_id presence.user_id, name text, avatar_url text)
    language sql stable as 'select id, name, face from town.person';
create or replace function presence_host.rooms()
    returns table (room_id presence.room_id, event_id presence.event_id, name text, kind text, vendor_id presence.user_id)
    language sql stable as 'select id, fair, name, kind, owner from town.place';
create or replace function presence_host.participants()
    returns table (room_id presence.room_id, user_id presence.user_id, role text)
    language sql stable as 'select place, person, role from town.guest';
create or replace function presence_host.events()
    returns table (event_id presence.event_id, name text, coordinator_id presence.user_id)
    language sql stable as 'select id, name, chair from town.fair'";
