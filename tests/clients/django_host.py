"""Django: a stock project, whose tables its own migrations make, gets presence, and its later migrations still work."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

here = Path(__file__).parent
project = Path(tempfile.mkdtemp(prefix="presence-django."))
database = urlsplit(os.environ["MIGRATOR_URL"])  # one login that owns the tables, as is the custom with Django


def manage(*arguments):
    subprocess.run([sys.executable, "manage.py", *arguments], cwd=project, check=True, stdout=subprocess.DEVNULL)


def psql(*arguments):
    command = ["psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", os.environ["MIGRATOR_URL"], *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def start_project():
    subprocess.run([sys.executable, "-m", "django", "startproject", "host", str(project)], check=True)
    with (project / "host/settings.py").open("a") as settings:
        settings.write(f"""
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.postgresql", "NAME": {database.path[1:]!r}, "USER": {database.username!r},
    "PASSWORD": {database.password!r}, "HOST": {database.hostname!r}, "PORT": {database.port},
}}}}
INSTALLED_APPS.append("board")
""")
    write_models("topic = models.CharField(max_length=80, blank=True)", "models.CharField(max_length=80)")


def write_models(topic, name):
    """The project's own app: a room with people, and presence as a model that Django reads and leaves alone."""
    (project / "board").mkdir(exist_ok=True)
    (project / "board/__init__.py").touch()
    (project / "board/models.py").write_text(f"""
from django.contrib.auth.models import Group, User
from django.db import models


class Room(models.Model):
    name = {name}
    people = models.ManyToManyField(User)
    {topic}


class Member(models.Model):
    id = models.TextField(primary_key=True)
    room = models.ForeignKey(Group, models.DO_NOTHING, db_constraint=False, related_name="present")
    user = models.ForeignKey(User, models.DO_NOTHING, db_constraint=False, related_name="present")
    status = models.TextField()
    message = models.TextField(null=True)
    data = models.JSONField(null=True)
    joined_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = '"presence"."members"'
""")


def plans(*queries):
    """How the planner looks things up by key, as the functions of the contract do."""
    return psql("-c", "set role presence_owner", *[part for query in queries for part in ("-c", f"explain {query}")])


start_project()
manage("migrate", "auth", "0009")  # as it was some years ago; what came since comes below

import django  # noqa: E402

sys.path.insert(0, str(project))
os.environ["DJANGO_SETTINGS_MODULE"] = "host.settings"
django.setup()

from board.models import Member  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.db import DatabaseError, connection, transaction  # noqa: E402


def heartbeat(room, user, session, **state):
    """The lease."""
    names = "".join(f", {name} => %({name})s" for name in state)
    with connection.cursor() as cursor:
        cursor.execute(
            f"select * from presence.heartbeat(%(room)s, %(user)s, %(session)s{names})",
            {"room": room.pk, "user": user.pk, "session": session, **state},
        )
        return cursor.fetchone()


def value(query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def under_ten_lines_map_a_schema_that_nobody_here_wrote():
    subprocess.run(
        [os.environ["PRESENCE_BIN"], "migrate", "--id-type", "bigint", "--database-url", os.environ["MIGRATOR_URL"]],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    lines = [line for line in (here / "django_host.sql").read_text().splitlines() if not line.startswith("--")]
    assert len(lines) < 10, len(lines)
    psql("-f", str(here / "django_host.sql"))


def a_heartbeat_is_seen_by_the_orm():
    with transaction.atomic():
        ann, ben = (User.objects.create_user(name, f"{name}@example.com", name) for name in ("ann", "ben"))
        editors = Group.objects.create(name="editors")
        ann.groups.add(editors)
        heartbeat(editors, ann, uuid4(), status="busy", message="on page one")

    here_now = Member.objects.filter(room=editors).select_related("user").get()
    assert (here_now.user.username, here_now.status, here_now.message) == ("ann", "busy", "on page one")
    assert Member.objects.get(pk=here_now.pk).user == ann  # `id` is a text to tell rows apart by, and no more
    assert list(User.objects.filter(present__isnull=True)) == [ben]
    assert value("select name from presence.snapshot(%s, %s)", ann.pk, editors.pk) == "ann"
    assert value(
        "select u.email from presence.members m join auth_user u on u.id = m.user_id where m.room_id = %s", editors.pk
    ) == "ann@example.com"  # fmt: skip


def who_is_in_no_group_is_refused():
    ben, editors = User.objects.get(username="ben"), Group.objects.get(name="editors")
    try:
        with transaction.atomic():
            heartbeat(editors, ben, uuid4())
    except DatabaseError as error:
        assert error.__cause__.sqlstate == "PR404"
    else:
        raise AssertionError("ben is no editor")
    assert value("select count(*) from presence.snapshot(%s, %s)", ben.pk, editors.pk) == 0


def taking_somebody_out_of_a_group_ends_their_presence():
    ben, editors = User.objects.get(username="ben"), Group.objects.get(name="editors")
    ben.groups.add(editors)
    heartbeat(editors, ben, uuid4())

    ben.groups.remove(editors)

    assert value("select presence.evict()") == 1
    assert not Member.objects.filter(user=ben).exists()
    assert value("select reason from presence.last_seen where user_id = %s", ben.pk) == "revoked"


def integer_keys_need_indexes_of_their_own():
    """Stock auth tables have integer keys, presence bigint: the conversion hides the keys' own indexes."""
    User.objects.bulk_create(User(username=f"reader{n}") for n in range(5000))
    psql("-c", "insert into auth_user_groups (user_id, group_id) select id, 1 from auth_user on conflict do nothing")
    psql("-c", "analyze auth_user, auth_user_groups, auth_group")
    queries = (
        "select * from presence_host.users() where user_id = 7",
        "select * from presence_host.participants() where room_id = 1 and user_id = 7",
        "select * from presence_host.participants() where user_id = 7",
    )

    before = plans(*queries)
    psql("-c", "create index on auth_user ((id::bigint))")
    psql("-c", "create index on auth_user_groups ((user_id::bigint), (group_id::bigint))")
    psql("-c", "create index on auth_user_groups ((group_id::bigint))")
    psql("-c", "analyze auth_user, auth_user_groups")
    after = plans(*queries)

    assert before.count("Seq Scan on") == 3, before
    assert "Seq Scan" not in after and "Function Scan" not in after, after


def djangos_own_later_migrations_alter_the_types_of_mapped_columns():
    width = """select string_agg(character_maximum_length::text, ' ' order by table_name) from information_schema.columns
                where (table_name, column_name) in (('auth_group', 'name'), ('auth_user', 'first_name'))"""
    assert value(width) == "80 30"

    manage("migrate", "auth")
    manage("migrate", "admin")
    manage("migrate", "sessions")

    assert value(width) == "150 150"
    ann, editors = User.objects.get(username="ann"), Group.objects.get(name="editors")
    assert heartbeat(editors, ann, uuid4())
    assert value("select name from presence.rooms r join auth_group g on g.id = r.room_id") == "editors"


def a_generated_migration_removes_and_alters_fields_of_a_mapped_table():
    manage("makemigrations", "board")
    manage("migrate", "board")
    mapping = (here / "django_host.sql").read_text()
    for stock, own in (("auth_user_groups", "board_room_people"), ("auth_group", "board_room"), ("group_id", "room_id")):
        mapping = re.sub(rf"\b{stock}\b", own, mapping)
    psql("-c", mapping)
    ann = User.objects.get(username="ann")
    room = value("insert into board_room (name, topic) values ('lobby', 'whatever') returning id")
    value("insert into board_room_people (room_id, user_id) values (%s, %s) returning id", room, ann.pk)
    session = uuid4()
    assert value("select status from presence.heartbeat(%s, %s, %s)", room, ann.pk, session) == "active"

    write_models("", "models.TextField()")
    manage("makemigrations", "board")
    operations = (project / "board/migrations").glob("0002_*.py").__next__().read_text()
    manage("migrate", "board")

    assert "migrations.RemoveField(" in operations and "migrations.AlterField(" in operations, operations
    assert value("select string_agg(column_name || ' ' || data_type, ', ' order by column_name) from information_schema.columns"
                 " where table_name = 'board_room'") == "id bigint, name text"  # fmt: skip
    assert value("select status from presence.heartbeat(%s, %s, %s)", room, ann.pk, session) == "active"
    assert value("select name from presence.room_counts(%s)", ann.pk) == "lobby"


for promise in (
    under_ten_lines_map_a_schema_that_nobody_here_wrote,
    a_heartbeat_is_seen_by_the_orm,
    who_is_in_no_group_is_refused,
    taking_somebody_out_of_a_group_ends_their_presence,
    integer_keys_need_indexes_of_their_own,
    djangos_own_later_migrations_alter_the_types_of_mapped_columns,
    a_generated_migration_removes_and_alters_fields_of_a_mapped_table,
):
    promise()
    print("ok -", promise.__name__.replace("_", " "))
