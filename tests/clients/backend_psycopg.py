"""psycopg: a heartbeat in the transaction that stores a message, its errors, parameters and what the views return."""

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row)


def one(query, **parameters):
    """The one row of a query."""
    rows = connection.execute(query, parameters).fetchall()
    assert len(rows) == 1, rows
    return rows[0]


def store_message(room, author, session, body):
    """What an application does at a message: its own row, and last of all the author's presence."""
    with connection.transaction():
        stored = connection.execute(
            "insert into event_app.messages (room_id, author_id, body) values (%s, %s, %s) returning id",
            (room, author, body),
        ).fetchone()
        lease = connection.execute(
            "select * from presence.heartbeat(%(room)s, %(user)s, %(session)s, status => 'active')",
            {"room": room, "user": author, "session": session},
        ).fetchone()
    return stored["id"], lease


def a_message_and_its_authors_presence_are_one_transaction():
    session = uuid4()

    message, lease = store_message("general", "alice", session, "the tables have come")

    seen = one(
        """select m.user_id, m.status, u.name,
                  (select count(*) from event_app.messages g where g.author_id = m.user_id) as messages
             from presence.members m
             join event_app.users u on u.id = m.user_id
            where m.room_id = %(room)s""",
        room="general",
    )
    assert message == 1
    assert lease["session_id"] == session and isinstance(lease["session_id"], UUID)
    assert lease["joined_at"] < lease["expires_at"] <= datetime.now(UTC) + timedelta(seconds=76)
    assert seen == {"user_id": "alice", "status": "active", "name": "Alice Adams", "messages": 1}


def a_rollback_leaves_neither_message_nor_presence():
    before = one("select revision, online_count from presence.snapshot('alice', 'general') limit 1")

    try:
        with connection.transaction():
            store_message("general", "bob", uuid4(), "never mind")
            inside = one("select count(*) as n from presence.members where user_id = 'bob'")
            raise LookupError("the application changed its mind")
    except LookupError:
        pass

    assert inside["n"] == 1
    assert one("select count(*) as n from presence.sessions where user_id = 'bob'")["n"] == 0
    assert one("select count(*) as n from presence.last_seen where user_id = 'bob'")["n"] == 0
    assert one("select count(*) as n from event_app.messages where author_id = 'bob'")["n"] == 0
    assert one("select revision, online_count from presence.snapshot('alice', 'general') limit 1") == before


def who_may_not_enter_is_refused_and_takes_the_message_along():
    try:
        store_message("general", "dave", uuid4(), "let me in")
    except psycopg.DatabaseError as error:
        refused = error
    else:
        raise AssertionError("dave takes no part in the room")

    assert refused.sqlstate == "PR404" and refused.diag.message_primary == "no such room"
    assert refused.diag.message_hint
    # The driver has no class for each PR code, and takes them all for ProgrammingError (P, as in PL/pgSQL): go by sqlstate.
    assert type(refused) is psycopg.ProgrammingError, type(refused)
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert one("select count(*) as n from event_app.messages where author_id = 'dave'")["n"] == 0


def bounds_are_kept_and_named():
    for arguments in ("status => 'asleep'", "message => repeat('x', 141)", "seq => -1"):
        try:
            connection.execute(f"select presence.heartbeat('general', 'alice', gen_random_uuid(), {arguments})")
        except psycopg.DatabaseError as error:
            assert error.sqlstate == "PR400", (arguments, error.sqlstate)
        else:
            raise AssertionError(arguments)


def json_intervals_and_nulls_go_both_ways():
    session = uuid4()
    parameters = {
        "session": session,
        "ttl": timedelta(hours=1),
        "message": "käse & 🧀",
        "data": Jsonb({"table": 7, "tags": ["a", "ü"]}),
    }

    connection.execute(
        """select presence.heartbeat('planning', 'bob', %(session)s, status => 'busy', status_ttl => %(ttl)s,
                                     message => %(message)s, activity => %(none)s, data => %(data)s)""",
        parameters | {"none": None},
    )

    member = one("select * from presence.members where room_id = 'planning'")
    assert member["data"] == {"table": 7, "tags": ["a", "ü"]}
    assert member["message"] == "käse & 🧀" and member["activity"] is None
    assert member["sessions"] == 1 and member["id"] == "planning.bob"
    assert abs(member["status_until"] - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)

    connection.execute(
        "select presence.heartbeat('planning', 'bob', %s, message => '', data => '{}')", (session,)
    )
    assert one("select message, data from presence.members where room_id = 'planning'") == {"message": None, "data": None}


def prepared_statements_and_arrays_of_ids_work():
    for _ in range(7):  # psycopg prepares at the fifth
        rows = connection.execute(
            "select room_id, online_count from presence.room_counts(%s, %s) order by room_id",
            ("alice", ["general", "planning", "expo-floor"]),
        ).fetchall()
        assert [row["room_id"] for row in rows] == ["general", "planning"], rows
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute("select * from presence.members where room_id = %s", ("general",), prepare=True).fetchone()
        assert row["user_id"] == "alice" and isinstance(row["joined_at"], datetime), row


def a_leave_says_whether_there_was_one():
    session = one("select session_id from presence.sessions where user_id = 'alice'")["session_id"]

    first = one("select presence.leave('general', 'alice', %(session)s) as left", session=session)
    again = one("select presence.leave('general', 'alice', %(session)s) as left", session=session)

    assert (first["left"], again["left"]) == (True, False)
    assert one("select reason from presence.last_seen where user_id = 'alice'")["reason"] == "left"


for promise in (
    a_message_and_its_authors_presence_are_one_transaction,
    a_rollback_leaves_neither_message_nor_presence,
    who_may_not_enter_is_refused_and_takes_the_message_along,
    bounds_are_kept_and_named,
    json_intervals_and_nulls_go_both_ways,
    prepared_statements_and_arrays_of_ids_work,
    a_leave_says_whether_there_was_one,
):
    promise()
    print("ok -", promise.__name__.replace("_", " "))
