-- An application with bigint identity keys in a schema of its own, events and vendor rooms, and rows that are marked as
-- deleted, not deleted. By hand: no tool makes this one.
create schema planner;
create table planner.person (
    id           bigint generated always as identity primary key,
    display_name varchar(80) not null,
    photo_url    varchar(200),
    email        varchar(200) not null,
    deleted_at   timestamptz
);
create table planner.event (
    id       bigint generated always as identity primary key,
    title    varchar(120) not null,
    owner_id bigint references planner.person on delete set null
);
create table planner.channel (
    id        bigint generated always as identity primary key,
    event_id  bigint references planner.event on delete cascade,
    title     varchar(120) not null,
    topic     text,
    for_whom  bigint references planner.person on delete set null
);
create table planner.seat (
    channel_id bigint not null references planner.channel on delete cascade,
    person_id  bigint not null references planner.person on delete cascade,
    is_lead    boolean not null default false,
    left_at    timestamptz,
    primary key (channel_id, person_id)
);
create index on planner.seat (person_id);
create index on planner.channel (event_id);
