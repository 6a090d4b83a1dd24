"""SQLAlchemy: presence views by reflection, and as a relationship of the application's own users."""

import os
import warnings
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DOMAIN, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

engine = sa.create_engine(sa.make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg"))


warnings.simplefilter("error", sa.exc.SADeprecationWarning)


class Base(DeclarativeBase):
    pass


# Ids are of domains, which say what the installed type is. SQLAlchemy's own DOMAIN names no operators, and warns at each
# comparison: take the type beneath, which is the one of the application's keys.
@sa.event.listens_for(Base.metadata, "column_reflect")
def take_the_type_beneath_a_domain(inspector, table, column):
    if isinstance(column["type"], DOMAIN):
        column["type"] = column["type"].data_type


# A view has no key that could be reflected: say that it is `id`, and the rest is read from the database.
members = sa.Table(
    "members", Base.metadata, sa.Column("id", sa.Text, primary_key=True), schema="presence", autoload_with=engine
)
last_seen = sa.Table(
    "last_seen", Base.metadata, sa.Column("id", sa.Text, primary_key=True), schema="presence", autoload_with=engine
)


class Member(Base):
    __table__ = members


class LastSeen(Base):
    __table__ = last_seen


class User(Base):
    __tablename__ = "users"
    __table_args__ = {"schema": "event_app"}

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]

    # Read only: presence is changed by its functions.
    presence: Mapped[list[Member]] = relationship(
        primaryjoin=lambda: User.id == sa.orm.foreign(members.c.user_id), viewonly=True, order_by=members.c.room_id
    )
    seen: Mapped[list[LastSeen]] = relationship(
        primaryjoin=lambda: User.id == sa.orm.foreign(last_seen.c.user_id), viewonly=True
    )


def heartbeat(session, room, user, **state):
    """One row: the lease. Keyword arguments are written as `name => value`."""
    names = "".join(f", {name} => :{name}" for name in state)
    query = sa.text(f"select * from presence.heartbeat(:room, :user, :session{names})")
    return session.execute(query, {"room": room, "user": user, "session": uuid4(), **state}).one()


def reflection_finds_every_column_of_the_views():
    inspector = sa.inspect(engine)

    views = inspector.get_view_names(schema="presence")

    assert {"members", "sessions", "rooms", "last_seen"} <= set(views), views
    assert not inspector.get_table_names(schema="presence")
    assert list(members.c.keys()) == [
        "id", "room_id", "user_id", "status", "status_until", "message", "activity", "data", "joined_at", "sessions",
    ]  # fmt: skip
    assert isinstance(members.c.data.type, JSONB)
    assert members.c.joined_at.type.timezone
    assert isinstance(members.c.user_id.type, sa.TEXT), members.c.user_id.type
    assert {column["name"]: column["type"].name for column in inspector.get_columns("rooms", schema="presence")
            if isinstance(column["type"], DOMAIN)} == {"room_id": "room_id"}  # fmt: skip
    assert inspector.get_view_definition("members", schema="presence")


def users_carry_their_presence_loaded_in_one_more_query():
    with Session(engine) as session, session.begin():
        heartbeat(session, "general", "alice", status="busy", message="at the venue")
        heartbeat(session, "planning", "alice")
        heartbeat(session, "general", "bob")
    statements = []
    sa.event.listen(engine, "before_cursor_execute", lambda c, cur, statement, *_: statements.append(statement))

    with Session(engine) as session:
        users = session.scalars(sa.select(User).options(selectinload(User.presence)).order_by(User.id)).all()
        here = {user.id: [(m.room_id, m.status) for m in user.presence] for user in users}

    assert here["alice"] == [("general", "busy"), ("planning", "active")]
    assert here["bob"] == [("general", "active")]
    assert here["carol"] == here["dave"] == []
    assert len(statements) == 2, statements


def filters_and_joins_are_written_as_for_any_table():
    with Session(engine) as session:
        in_general = sa.select(User.name).join(User.presence).where(Member.room_id == "general").order_by(User.name)
        busy = sa.select(User.id).where(User.presence.any(Member.status.in_(["busy", "in_meeting"])))
        away = sa.select(User.id).where(~User.presence.any()).order_by(User.id)
        counts = sa.select(Member.room_id, sa.func.count()).group_by(Member.room_id).order_by(Member.room_id)

        assert session.scalars(in_general).all() == ["Alice Adams", "Bob Brandt"]
        assert session.scalars(busy).all() == ["alice"]
        assert session.scalars(away).all() == ["carol", "dave", "vera", "victor"]
        assert session.execute(counts).all() == [("general", 2), ("planning", 1)]


def a_row_of_a_view_is_found_by_its_id():
    with Session(engine) as session:
        member = session.get(Member, "general.alice")

        assert member is session.get(Member, "general.alice")
        assert (member.user_id, member.message, member.sessions) == ("alice", "at the venue", 1)
        assert session.get(Member, "general.dave") is None


def last_seen_outlives_presence():
    with Session(engine) as session, session.begin():
        ended = session.scalar(sa.select(sa.func.presence.leave_everywhere("bob")))

    with Session(engine) as session:
        bob = session.get(User, "bob", options=[selectinload(User.presence), selectinload(User.seen)])

        assert ended == 1 and bob.presence == []
        assert [(s.room_id, s.reason) for s in bob.seen] == [("general", "logged_out")]


def a_refusal_is_an_error_with_its_sqlstate():
    with Session(engine) as session:
        session.execute(
            sa.text("insert into event_app.messages (room_id, author_id, body) values ('general', 'dave', 'hi')")
        )
        try:
            heartbeat(session, "general", "dave")
        except sa.exc.DBAPIError as error:
            refused = error
        else:
            raise AssertionError("dave takes no part in the room")
        session.rollback()

        assert refused.orig.sqlstate == "PR404"
        assert session.scalar(sa.text("select count(*) from event_app.messages")) == 0


for promise in (
    reflection_finds_every_column_of_the_views,
    users_carry_their_presence_loaded_in_one_more_query,
    filters_and_joins_are_written_as_for_any_table,
    a_row_of_a_view_is_found_by_its_id,
    last_seen_outlives_presence,
    a_refusal_is_an_error_with_its_sqlstate,
):
    promise()
    print("ok -", promise.__name__.replace("_", " "))
