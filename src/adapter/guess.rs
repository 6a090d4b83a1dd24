//! Proposals for a dialog: which table and which columns are probably meant, by their names. Never decides.

use super::{Catalog, Part, catalog::Relation};

/// How tables of a part are usually called, the likeliest first; without case and underscores.
fn table_names(part: Part) -> &'static [&'static str] {
    match part {
        Part::Users => &["users", "user", "profiles", "profile", "people", "authuser"],
        Part::Rooms => &[
            "rooms",
            "room",
            "channels",
            "channel",
            "conversations",
            "conversation",
            "chats",
        ],
        Part::Participants => &[
            "participants",
            "participant",
            "memberships",
            "membership",
            "roommembers",
            "roommember",
            "roomusers",
            "members",
        ],
        Part::Events => &["events", "event"],
        Part::Logins => &["sessions", "session"],
    }
}

/// How columns of a word are usually called, the likeliest first; without case and underscores.
fn column_names(part: Part, word: &str) -> &'static [&'static str] {
    match (part, word) {
        (Part::Users, "user_id") => &["id", "userid"],
        (Part::Users, "name") => &["name", "fullname", "displayname", "username"],
        (Part::Users, "avatar_url") => &["avatarurl", "image", "avatar", "picture", "photo"],
        (Part::Rooms, "room_id") => &["id", "roomid"],
        (Part::Events, "event_id") => &["id", "eventid"],
        (Part::Rooms | Part::Events, "name") => &["name", "title"],
        (Part::Rooms, "event_id") => &["eventid"],
        (Part::Rooms, "kind") => &["kind"],
        (Part::Rooms, "vendor_id") => &["vendorid"],
        (Part::Participants, "room_id") => &["roomid", "channelid", "conversationid", "chatid"],
        (Part::Participants | Part::Logins, "user_id") => &["userid", "memberid", "profileid", "accountid"],
        (Part::Participants, "role") => &["role"],
        (Part::Events, "coordinator_id") => &["coordinatorid", "ownerid", "organizerid"],
        (Part::Logins, "expires") => &["expiresat", "notafter", "expires"],
        _ => &[],
    }
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| *letter != '_')
        .collect::<String>()
        .to_lowercase()
}

/// The table that is probably meant: called so, or ending so, and with every column that is needed.
pub(super) fn table(catalog: &Catalog, part: Part) -> Option<&Relation> {
    let has_needed = |relation: &&Relation| {
        let mut needed = part.words().iter().filter(|word| word.needed);
        needed.all(|word| column(relation, part, word.name).is_some())
    };
    let mut best: Option<(usize, &Relation)> = None;
    for relation in catalog.tables.iter().filter(has_needed) {
        let name = plain(&relation.name);
        let names = table_names(part);
        let exact = names.iter().position(|usual| *usual == name);
        let ending = || names.iter().position(|usual| name.ends_with(usual));
        let rank = exact.or_else(|| ending().map(|rank| rank + names.len()));
        if let Some(rank) = rank.filter(|rank| best.is_none_or(|(other, _)| *rank < other)) {
            best = Some((rank, relation));
        }
    }
    best.map(|(_, relation)| relation)
}

/// The column that is probably meant.
pub(super) fn column<'a>(relation: &'a Relation, part: Part, word: &str) -> Option<&'a str> {
    column_names(part, word).iter().find_map(|usual| {
        let mut columns = relation.columns.iter().map(|(name, _)| name.as_str());
        columns.find(|name| plain(name) == *usual)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(name: &str, columns: &[&str]) -> Relation {
        Relation {
            schema: "public".to_owned(),
            name: name.to_owned(),
            columns: columns
                .iter()
                .map(|name| ((*name).to_owned(), "text".to_owned()))
                .collect(),
            ..Relation::default()
        }
    }

    #[test]
    fn tables_and_columns_are_known_by_their_usual_names() {
        let catalog = Catalog {
            id_types: vec![],
            tables: vec![
                relation("Room", &["id", "title"]),
                relation("RoomMember", &["roomId", "userId"]),
                relation("auth_user", &["id", "username"]),
                relation("chat_users", &["nothing"]),
                relation("session", &["id", "userId", "expiresAt"]),
            ],
        };
        let named = |part| table(&catalog, part).map(|relation| relation.name.as_str());

        assert_eq!(named(Part::Users), Some("auth_user"));
        assert_eq!(named(Part::Rooms), Some("Room"));
        assert_eq!(named(Part::Participants), Some("RoomMember"));
        assert_eq!(named(Part::Events), None);
        assert_eq!(named(Part::Logins), Some("session"));
        assert_eq!(
            column(&catalog.tables[4], Part::Logins, "expires"),
            Some("expiresAt")
        );
        assert_eq!(column(&catalog.tables[0], Part::Rooms, "name"), Some("title"));
        assert_eq!(column(&catalog.tables[0], Part::Rooms, "kind"), None);
    }
}
