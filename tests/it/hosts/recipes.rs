//! Each recipe of docs/hosts.md, on the schema that its tool makes: by the command and by hand, from the first heartbeat
//! to the application's own `alter table`.

use super::{
    doc,
    host::{Host, run},
};

/// What a host's test needs to know of it.
struct Recipe {
    /// Of docs/hosts.md.
    heading: &'static str,
    /// The login that owns the tables; logins belong to the whole cluster.
    login: &'static str,
    /// What is there before the application's first migration.
    platform: &'static str,
    /// The application's tables, as its tool makes them.
    schema: &'static str,
    /// Enough people and rooms for the planner to want an index.
    rows: &'static str,
    /// A room, two who take part in it, and one who does not.
    room: &'static str,
    members: [&'static str; 2],
    stranger: &'static str,
    /// What the first sees of both.
    seen: &'static str,
    /// By what users, rooms, and participants are found: the first two are one index, the third is any of several.
    indexes: [&'static str; 3],
    /// Takes the second out of the room.
    take_out: &'static str,
    /// Prolongs the first one's auth session, then ends it; none where there is no such table.
    logins: Option<[&'static str; 2]>,
    /// The application changes its mind: columns that presence does not read, and types of those that it shows.
    alter: &'static str,
}

const BETTER_AUTH: Recipe = Recipe {
    heading: "better-auth",
    login: "presence_test_better_auth",
    platform: "",
    schema: include_str!("../../hosts/better_auth.sql"),
    rows: r#"insert into "user" (id, name, email, "emailVerified")
                 select 'u' || i, 'User ' || i, i || '@example.com', true from generate_series(1, 3000) i;
             insert into room (id, title) select 'r' || i, 'Room ' || i from generate_series(1, 1000) i;
             insert into "roomMember" ("roomId", "userId", "isAdmin")
                 select 'r' || 1 + i % 1000, 'u' || 1 + i % 2999, i = 2000 from generate_series(1, 9000) i;
             insert into "session" (id, "expiresAt", token, "updatedAt", "userId")
                 values ('s', now() + interval '1 day', 't', now(), 'u2001');"#,
    room: "r1",
    members: ["u2001", "u1001"],
    stranger: "u3000",
    seen: "User 1001 collaborator, User 2001 coordinator",
    indexes: ["user_pkey", "room_pkey", "roomMember_"],
    take_out: r#"delete from "roomMember" where "roomId" = 'r1' and "userId" = 'u1001'"#,
    logins: Some([
        r#"update "session" set "expiresAt" = "expiresAt" + interval '1 day'"#,
        r#"delete from "session" where token = 't'"#,
    ]),
    alter: r#"alter table "user" drop column email, alter column name type varchar(200), alter column image type varchar(200);
              alter table room drop column topic, alter column title type varchar(200);"#,
};

const PRISMA: Recipe = Recipe {
    heading: "better-auth with Prisma",
    login: "presence_test_prisma",
    schema: include_str!("../../hosts/prisma.sql"),
    rows: r#"insert into "user" (id, name, email, "emailVerified", "updatedAt")
                 select 'u' || i, 'User ' || i, i || '@example.com', true, now() from generate_series(1, 3000) i;
             insert into "Room" (id, title) select 'r' || i, 'Room ' || i from generate_series(1, 1000) i;
             insert into "RoomParticipant" ("roomId", "userId", role)
                 select 'r' || 1 + i % 1000, 'u' || 1 + i % 2999,
                        case when i = 2000 then 'coordinator' else 'collaborator' end::"ParticipantRole"
                   from generate_series(1, 9000) i;
             insert into "session" (id, "expiresAt", token, "updatedAt", "userId")
                 values ('s', now() at time zone 'UTC' + interval '1 day', 't', now(), 'u2001');"#,
    indexes: ["user_pkey", "Room_pkey", "RoomParticipant_"],
    take_out: r#"delete from "RoomParticipant" where "roomId" = 'r1' and "userId" = 'u1001'"#,
    alter: r#"alter table "user" drop column email, alter column name type varchar(200), alter column image type varchar(200);
              alter table "Room" drop column topic, alter column title type varchar(200);
              alter table "RoomParticipant" alter column role type text;"#,
    ..BETTER_AUTH
};

const RAILS: Recipe = Recipe {
    heading: "Rails",
    login: "presence_test_rails",
    platform: "",
    schema: include_str!("../../hosts/rails.sql"),
    rows: "insert into users (name, email_address, password_digest, created_at, updated_at)
               select 'User ' || i, i || '@example.com', '', now(), now() from generate_series(1, 3000) i;
           insert into rooms (name, created_at, updated_at) select 'Room ' || i, now(), now() from generate_series(1, 1000) i;
           insert into memberships (room_id, user_id, role, created_at, updated_at)
               select 1 + i % 1000, 1 + i % 2999, (i = 2000)::integer, now(), now() from generate_series(1, 9000) i;
           insert into sessions (user_id, created_at, updated_at) values (2001, now(), now());",
    room: "1",
    members: ["2001", "1001"],
    stranger: "3000",
    seen: "User 1001 collaborator, User 2001 coordinator",
    indexes: ["users_pkey", "rooms_pkey", "index_memberships_on_"],
    take_out: "delete from memberships where room_id = 1 and user_id = 1001",
    logins: Some([
        "update sessions set updated_at = now()",
        "delete from sessions where user_id = 2001",
    ]),
    alter: "alter table users drop column email_address, alter column name type text, alter column avatar_url type text;
            alter table rooms drop column topic, alter column name type text;
            alter table memberships alter column role type smallint;",
};

const DJANGO: Recipe = Recipe {
    heading: "Django",
    login: "presence_test_django",
    schema: include_str!("../../hosts/django.sql"),
    rows: "insert into auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined)
               select 'User ' || i, '', false, '', '', '', false, true, now() from generate_series(1, 3000) i;
           insert into planner_room (name, topic) select 'Room ' || i, '' from generate_series(1, 1000) i;
           insert into planner_room_members (room_id, user_id)
               select 1 + i % 1000, 1 + i % 2999 from generate_series(1, 9000) i;",
    seen: "User 1001 collaborator, User 2001 collaborator",
    indexes: ["presence_auth_user_id", "planner_room_pkey", "planner_room_members_"],
    take_out: "delete from planner_room_members where room_id = 1 and user_id = 1001",
    logins: None,
    alter: "alter table auth_user drop column last_name, alter column username type text;
            alter table planner_room drop column topic, alter column name type text;",
    ..RAILS
};

const SUPABASE: Recipe = Recipe {
    heading: "Supabase",
    login: "presence_test_supabase",
    platform: include_str!("../../hosts/supabase_platform.sql"),
    schema: include_str!("../../hosts/supabase.sql"),
    rows: "insert into auth.users (id, raw_user_meta_data)
               select ('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, jsonb_build_object('full_name', 'User ' || i)
                 from generate_series(1, 3000) i;
           insert into rooms (id, name)
               select ('00000000-0000-4000-9000-' || lpad(i::text, 12, '0'))::uuid, 'Room ' || i from generate_series(1, 1000) i;
           insert into room_members (room_id, user_id, role)
               select ('00000000-0000-4000-9000-' || lpad((1 + i % 1000)::text, 12, '0'))::uuid,
                      ('00000000-0000-4000-8000-' || lpad((1 + i % 2999)::text, 12, '0'))::uuid,
                      case when i = 2000 then 'coordinator' else 'collaborator' end
                 from generate_series(1, 9000) i;",
    room: "00000000-0000-4000-9000-000000000001",
    members: [
        "00000000-0000-4000-8000-000000002001",
        "00000000-0000-4000-8000-000000001001",
    ],
    stranger: "00000000-0000-4000-8000-000000003000",
    indexes: ["profiles_pkey", "rooms_pkey", "room_members_"],
    // the account, and with it the profile and every membership
    take_out: "delete from auth.users where id = '00000000-0000-4000-8000-000000001001'",
    logins: None,
    alter: "alter table profiles drop column website, alter column full_name type text;
            alter table rooms drop column topic, alter column name type text;
            alter table room_members alter column role type varchar(20);",
    ..RAILS
};

const BIGINT: Recipe = Recipe {
    heading: "Keys of type bigint",
    login: "presence_test_bigint",
    schema: include_str!("../../hosts/bigint.sql"),
    rows: "insert into planner.person (display_name, email) select 'User ' || i, '' from generate_series(1, 3000) i;
           insert into planner.event (title, owner_id) select 'Event ' || i, i from generate_series(1, 50) i;
           insert into planner.channel (event_id, title, for_whom)
               select 1 + i % 50, 'Room ' || i, case when i = 1 then 1001 end from generate_series(1, 1000) i;
           insert into planner.seat (channel_id, person_id, is_lead)
               select 1 + i % 1000, 1 + i % 2999, i = 2000 from generate_series(1, 9000) i;",
    seen: "User 1001 vendor, User 2001 coordinator",
    indexes: ["person_pkey", "channel_pkey", "seat_"],
    take_out: "update planner.seat set left_at = now() where channel_id = 1 and person_id = 1001",
    logins: None,
    alter: "alter table planner.person drop column email, alter column display_name type text, alter column photo_url type text;
            alter table planner.channel drop column topic, alter column title type text;",
    ..RAILS
};

const ALL: [&Recipe; 6] = [&BETTER_AUTH, &PRISMA, &RAILS, &DJANGO, &SUPABASE, &BIGINT];

impl Recipe {
    /// By the command.
    async fn holds(&self) {
        let Some(host) = self.open().await else { return };
        let sql = doc::run(doc::blocks(self.heading, "sh")[0], &host.url);
        run(&host.owner, &sql).await;
        run(&host.owner, &sql).await; // it may be run again

        self.serves(&host).await;
        self.ends_where_the_tables_say_so(&host).await;
        self.leaves_the_application_its_tables(&host).await;
    }

    /// By the SQL that stands beside it.
    async fn holds_by_hand(&self) {
        let Some(host) = self.open().await else { return };
        doc::migrate(doc::blocks(self.heading, "sh")[0], &host.url);
        let by_hand = doc::blocks(self.heading, "sql")[0];
        assert!(by_hand.lines().count() < 10, "{by_hand}");
        run(&host.owner, by_hand).await;
        run(&host.owner, "reset role").await;

        self.serves(&host).await;
        self.leaves_the_application_its_tables(&host).await;
    }

    async fn open(&self) -> Option<Host> {
        let host = Host::open(self.login, self.platform, self.schema).await?;
        run(&host.owner, self.rows).await;
        Some(host)
    }

    async fn serves(&self, host: &Host) {
        let (room, [first, second]) = (self.room, self.members);
        run(&host.owner, "analyze").await;
        assert_eq!(host.beat(room, first).await, None);
        assert_eq!(host.beat(room, second).await, None);

        assert_eq!(host.members(first, room).await, self.seen, "{}", self.heading);

        assert_eq!(host.beat(room, self.stranger).await.as_deref(), Some("PR404"));
        assert_eq!(host.members(self.stranger, room).await, "");
        let [users, rooms, participants] = self.indexes;
        for (query, index) in [
            (
                format!("select * from presence_host.users() u where u.user_id = '{first}'"),
                users,
            ),
            (
                format!(
                    "select u.name from unnest(array['{first}', '{second}']::presence.user_id[]) i(id) \
                         join presence_host.users() u on u.user_id = i.id"
                ),
                users,
            ),
            (
                format!("select * from presence_host.rooms() r where r.room_id = '{room}'"),
                rooms,
            ),
            (
                format!("select * from presence_host.participants() p where p.room_id = '{room}'"),
                participants,
            ),
            (
                format!("select * from presence_host.participants() p where p.user_id = '{first}'"),
                participants,
            ),
            (
                format!(
                    "select * from presence_private.room_access() a where a.room_id = '{room}' and a.user_id = '{first}'"
                ),
                participants,
            ),
        ] {
            let plan = host.plan(&query).await;
            assert!(plan.contains(index), "{query}\n{plan}");
            assert!(!plan.contains("Seq Scan"), "{query}\n{plan}");
            for function in ["users", "rooms", "participants"] {
                let not_inlined = format!("Function Scan on {function}");
                assert!(!plan.contains(&not_inlined), "{query}\n{plan}");
            }
        }
    }

    async fn ends_where_the_tables_say_so(&self, host: &Host) {
        let (room, [first, second]) = (self.room, self.members);
        run(&host.owner, self.take_out).await;

        assert_eq!(host.evict().await, 1, "{}", self.heading);
        assert_eq!(host.reason(room, second).await.as_deref(), Some("revoked"));
        assert_eq!(host.reason(room, first).await, None);
        assert_eq!(host.beat(room, second).await.as_deref(), Some("PR404"));

        let Some([prolong, end]) = self.logins else { return };
        run(&host.owner, prolong).await;
        assert_eq!(host.evict().await, 0, "a login that goes on");
        run(&host.owner, end).await;
        assert_eq!(host.evict().await, 1);
        assert_eq!(host.reason(room, first).await.as_deref(), Some("logged_out"));
    }

    async fn leaves_the_application_its_tables(&self, host: &Host) {
        let (room, [first, _]) = (self.room, self.members);
        run(&host.owner, self.alter).await;

        let again = format!("select presence.heartbeat('{room}', '{first}', gen_random_uuid())");
        assert_eq!(host.refusal(&again).await, None, "{}", self.heading);
        let seen = host.members(first, room).await;
        assert!(seen.contains("User 2001"), "{}: {seen}", self.heading);
    }
}

#[tokio::test]
async fn better_auth_gets_presence_by_one_command() {
    BETTER_AUTH.holds().await;
}

#[tokio::test]
async fn better_auth_gets_presence_in_under_ten_lines_of_sql() {
    BETTER_AUTH.holds_by_hand().await;
}

#[tokio::test]
async fn prisma_gets_presence_by_one_command() {
    PRISMA.holds().await;
}

#[tokio::test]
async fn rails_gets_presence_by_one_command() {
    RAILS.holds().await;
}

#[tokio::test]
async fn django_gets_presence_by_one_command() {
    DJANGO.holds().await;
}

#[tokio::test]
async fn django_gets_presence_in_under_ten_lines_of_sql() {
    DJANGO.holds_by_hand().await;
}

#[tokio::test]
async fn supabase_gets_presence_by_one_command() {
    SUPABASE.holds().await;
}

#[tokio::test]
async fn bigint_keys_get_presence_by_one_command() {
    BIGINT.holds().await;
}

#[tokio::test]
async fn a_watched_column_may_change_its_type_and_a_mapped_one_that_is_gone_is_missed() {
    let recipe = Recipe {
        login: "presence_test_afterwards",
        ..BIGINT
    };
    let Some(host) = recipe.open().await else { return };
    let sql = doc::run(doc::blocks(recipe.heading, "sh")[0], &host.url);
    run(&host.owner, &sql).await;
    assert_eq!(host.beat(recipe.room, recipe.members[1]).await, None);

    run(
        &host.owner,
        "alter table planner.seat alter column left_at type date, alter column channel_id type bigint",
    )
    .await;
    run(&host.owner, recipe.take_out).await;

    assert_eq!(host.evict().await, 1);
    run(&host.owner, "alter table planner.seat drop column left_at").await;
    let missed = host.beat(recipe.room, recipe.members[0]).await;
    assert_eq!(missed.as_deref(), Some("42703"));
}

#[test]
fn every_recipe_of_the_page_is_run() {
    let mut run: Vec<&str> = ALL.iter().map(|recipe| recipe.heading).collect();
    run.push("Keys of type integer");

    assert_eq!(doc::headings_with_blocks(), run);
    for recipe in ALL {
        assert_eq!(doc::blocks(recipe.heading, "sh").len(), 1, "{}", recipe.heading);
    }
}
