//! The application that is played: who there is, which rooms, who takes part at first, and the rule of access in our own words.

use std::collections::BTreeMap;

/// A room, by its place in [`ROOMS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(pub u8);

/// A user, by the place in [`USERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User(pub u8);

/// The rooms: id, event, kind, and whose it is. The first four are of the reference application.
pub const ROOMS: [(&str, Option<&str>, Kind, Option<&str>); 8] = [
    ("general", Some("gala"), Kind::Chat, None),
    ("planning", Some("gala"), Kind::Chat, None),
    ("vera-catering", Some("gala"), Kind::Vendor, Some("vera")),
    ("expo-floor", Some("expo"), Kind::Chat, None),
    ("hall", Some("gala"), Kind::Chat, None),
    ("victor-stage", Some("expo"), Kind::Vendor, Some("victor")),
    ("crew", Some("expo"), Kind::Chat, None),
    ("attic", None, Kind::Chat, None),
];

/// The large one: its streams turn to counts and back.
pub const HALL: Room = Room(4);

/// The users. The first six are of the reference application.
pub const USERS: [&str; 24] = [
    "alice", "bob", "carol", "vera", "victor", "dave", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9",
    "m10", "m11", "m12", "m13", "m14", "m15", "m16", "m17", "m18",
];

/// The events.
pub const EVENTS: [&str; 2] = ["gala", "expo"];

/// What a room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any room.
    Chat,
    /// A vendor's.
    Vendor,
}

impl Kind {
    /// As the application writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Vendor => "vendor",
        }
    }
}

/// As what somebody takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sees all.
    Coordinator,
    /// Sees all.
    Collaborator,
    /// Enters a vendor's room only where it is theirs.
    Vendor,
}

impl Role {
    /// As the application writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coordinator => "coordinator",
            Self::Collaborator => "collaborator",
            Self::Vendor => "vendor",
        }
    }
}

impl Room {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..ROOMS.len()).map(|nth| Self(u8::try_from(nth).unwrap_or(u8::MAX)))
    }

    /// Its id.
    pub fn id(self) -> &'static str {
        ROOMS[usize::from(self.0)].0
    }

    /// Its event.
    pub fn event(self) -> Option<&'static str> {
        ROOMS[usize::from(self.0)].1
    }

    /// The room of this id.
    pub fn find(id: &str) -> Option<Self> {
        Self::all().find(|room| room.id() == id)
    }
}

impl User {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..USERS.len()).map(|nth| Self(u8::try_from(nth).unwrap_or(u8::MAX)))
    }

    /// Their id.
    pub fn id(self) -> &'static str {
        USERS[usize::from(self.0)]
    }

    /// The user of this id.
    pub fn find(id: &str) -> Option<Self> {
        Self::all().find(|user| user.id() == id)
    }
}

/// What the application's own tables say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Who takes part where, as what.
    pub participants: BTreeMap<(Room, User), Role>,
    /// Rooms that exist: kind and vendor.
    pub rooms: BTreeMap<Room, (Kind, Option<User>)>,
}

impl Tables {
    /// As [`setup`] makes them.
    pub fn at_first() -> Self {
        let rooms = Room::all().map(|room| {
            let (_, _, kind, vendor) = ROOMS[usize::from(room.0)];
            (room, (kind, vendor.and_then(User::find)))
        });
        let mut participants = BTreeMap::new();
        let mut add = |room: &str, users: &[&str], role: Role| {
            for user in users {
                if let (Some(room), Some(user)) = (Room::find(room), User::find(user)) {
                    participants.insert((room, user), role);
                }
            }
        };
        add("general", &["alice", "carol"], Role::Coordinator);
        add("general", &["bob", "m1", "m2", "m3", "m4"], Role::Collaborator);
        add("planning", &["alice"], Role::Coordinator);
        add("planning", &["bob", "m3", "m4", "m5", "m6"], Role::Collaborator);
        add("vera-catering", &["alice"], Role::Coordinator);
        add("vera-catering", &["bob", "m7"], Role::Collaborator);
        add("vera-catering", &["vera", "victor"], Role::Vendor);
        add("expo-floor", &["carol", "m5", "m8", "m9"], Role::Collaborator);
        add("expo-floor", &["victor"], Role::Vendor);
        add("victor-stage", &["carol"], Role::Coordinator);
        add("victor-stage", &["m8", "m10"], Role::Collaborator);
        add("victor-stage", &["vera", "victor"], Role::Vendor);
        add("crew", &["carol", "m9", "m10", "m11", "m12"], Role::Collaborator);
        add("attic", &["alice", "m1", "m11", "m12"], Role::Collaborator);
        add("hall", &USERS[..5], Role::Collaborator);
        add("hall", &USERS[6..], Role::Collaborator);
        Self {
            participants,
            rooms: rooms.collect(),
        }
    }

    /// The rule: who takes part may enter, and a vendor a vendor's room only where it is theirs.
    pub fn may_enter(&self, room: Room, user: User) -> bool {
        match (self.rooms.get(&room), self.participants.get(&(room, user))) {
            (Some((Kind::Vendor, vendor)), Some(Role::Vendor)) => *vendor == Some(user),
            (Some(_), Some(_)) => true,
            _ => false,
        }
    }

    /// SQL that makes the application's tables say this.
    pub fn setup(&self) -> String {
        let mut sql = String::from("delete from event_app.room_participants;\n");
        for user in USERS {
            sql += &format!(
                "insert into event_app.users (id, name) values ('{user}', 'User {user}') on conflict do nothing;\n"
            );
        }
        for room in self.rooms.keys() {
            sql += &self.put_room(*room);
        }
        for (room, user) in self.participants.keys() {
            sql += &self.put_participant(*room, *user);
        }
        sql
    }

    /// SQL that makes a room's row say this; it may be there already.
    pub fn put_room(&self, room: Room) -> String {
        let Some((kind, vendor)) = self.rooms.get(&room) else {
            return format!("delete from event_app.rooms where id = '{}';\n", room.id());
        };
        let quoted = |text: Option<&str>| text.map_or("null".to_owned(), |text| format!("'{text}'"));
        let (kind, vendor, event) = (kind.name(), quoted(vendor.map(User::id)), quoted(room.event()));
        format!(
            "insert into event_app.rooms (id, event_id, name, kind, vendor_id) values ('{0}', {event}, 'Room {0}', '{kind}', {vendor})
             on conflict (id) do update set kind = excluded.kind, vendor_id = excluded.vendor_id;\n",
            room.id()
        )
    }

    /// SQL that makes a participant's row say this; it may be there already, or gone.
    pub fn put_participant(&self, room: Room, user: User) -> String {
        match self.participants.get(&(room, user)) {
            Some(role) => format!(
                "insert into event_app.room_participants (room_id, user_id, role) values ('{}', '{}', '{}')
                 on conflict (room_id, user_id) do update set role = excluded.role;\n",
                room.id(),
                user.id(),
                role.name()
            ),
            None => format!(
                "delete from event_app.room_participants where room_id = '{}' and user_id = '{}';\n",
                room.id(),
                user.id()
            ),
        }
    }
}
