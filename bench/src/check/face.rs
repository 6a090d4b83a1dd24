//! What people see of a member, from the wire and from SQL, in one form. Names, pictures and roles are the application's and
//! may change at any revision: they are left out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    clock::{MS, Micros, parse},
    world::User,
};

/// What people see of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// As people read it.
    pub status: String,
    /// In ms.
    pub status_until: Option<i64>,
    /// Custom text.
    pub message: Option<String>,
    /// What they look at.
    pub activity: Option<String>,
    /// As JSON.
    pub data: Option<String>,
    /// In ms.
    pub joined_at: i64,
}

/// Members by user.
pub type Faces = BTreeMap<User, Face>;

impl Face {
    /// As the service writes it; an error says what is missing.
    pub fn of_wire(member: &Value) -> Result<(User, Self), String> {
        let text = |name: &str| member[name].as_str().map(str::to_owned);
        let user = member["user_id"].as_str().and_then(User::find);
        let user = user.ok_or_else(|| format!("a member without a user that there is: {member}"))?;
        let moment = |name: &str| text(name).and_then(|text| parse(&text)).map(|at| at / MS);
        let face = Self {
            status: text("status").ok_or_else(|| format!("a member without a status: {member}"))?,
            status_until: moment("status_until"),
            message: text("message"),
            activity: text("activity"),
            data: member
                .get("data")
                .filter(|data| !data.is_null())
                .map(Value::to_string),
            joined_at: moment("joined_at").ok_or_else(|| format!("a member who never joined: {member}"))?,
        };
        Ok((user, face))
    }

    /// The same but for a millisecond, since moments are rounded.
    pub fn is_same(&self, other: &Self) -> bool {
        let near = |a: i64, b: i64| (a - b).abs() <= 1;
        let until = match (self.status_until, other.status_until) {
            (Some(a), Some(b)) => near(a, b),
            (None, None) => true,
            _ => false,
        };
        let said = |face: &Self| {
            (
                face.status.clone(),
                face.message.clone(),
                face.activity.clone(),
                face.data.clone(),
            )
        };
        until && near(self.joined_at, other.joined_at) && said(self) == said(other)
    }
}

/// The members of a snapshot; an error where one stands in it twice.
pub fn faces(members: &Value) -> Result<Faces, String> {
    let mut all = Faces::new();
    for member in members.as_array().into_iter().flatten() {
        let (user, face) = Face::of_wire(member)?;
        if all.insert(user, face).is_some() {
            return Err(format!("{} stands in it twice", user.id()));
        }
    }
    Ok(all)
}

/// Who differs, and how; none: nobody.
pub fn difference(a: &Faces, b: &Faces) -> Option<String> {
    let users = a
        .keys()
        .chain(b.keys())
        .collect::<std::collections::BTreeSet<_>>();
    let differs = users
        .into_iter()
        .filter_map(|user| match (a.get(user), b.get(user)) {
            (Some(a), Some(b)) if a.is_same(b) => None,
            (Some(a), Some(b)) => Some(format!("{}: {a:?}, or {b:?}", user.id())),
            (Some(_), None) => Some(format!("{}: there, or absent", user.id())),
            (None, Some(_)) => Some(format!("{}: absent, or there", user.id())),
            (None, None) => None,
        });
    let differs: Vec<String> = differs.collect();
    (!differs.is_empty()).then(|| differs.join("; "))
}

/// Whether both agree on whoever is in both of them.
pub fn agree_on_common(a: &Faces, b: &Faces) -> bool {
    a.iter()
        .all(|(user, face)| b.get(user).is_none_or(|other| face.is_same(other)))
}

/// The earliest moment at which this could be seen: nobody who joined or spoke later is in it.
pub fn latest_join(faces: &Faces) -> Micros {
    faces.values().map(|face| face.joined_at * MS).max().unwrap_or(0)
}
