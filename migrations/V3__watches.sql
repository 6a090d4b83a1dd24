-- Why: who comes and goes, for those who want to be told; who wants to be told of whom; what they were told. And logouts
-- in a table of their own, so that one is remembered also of a user who never had a session.
-- Lock taken: none on anything that exists. Safe beside the previous binary: it asks for none of this.
--
-- Runs as presence_owner.

-- One row a database: asked at each join and leave, so that nothing is written where nobody wants it. Whether somebody
-- watches is asked of the index of watches themselves.
create table presence_private.wanted (
    one   boolean not null default true,
    hooks boolean not null default false,
    constraint wanted_pkey primary key (one),
    constraint wanted_one check (one)
);
comment on table presence_private.wanted is 'whether all edges are wanted, and not only the joins of those who are watched; its lock lets one expander work at a time';
comment on column presence_private.wanted.hooks is 'whether somebody is to be told of every join and leave';
insert into presence_private.wanted default values;

-- A queue: written in the transaction of the join or leave, under the room's lock; gone once it is expanded.
create table presence_private.edge (
    edge_id     bigint           generated always as identity,
    at          timestamptz      not null,
    was_seen_at timestamptz,
    watched_to  bigint           not null default 0,
    room_id     presence.room_id not null,
    user_id     presence.user_id,
    told_to     presence.user_id,
    what        text             not null,
    reason      text,
    constraint edge_pkey primary key (edge_id),
    constraint edge_what check (what in ('member.joined', 'member.left', 'room.occupied', 'room.empty', 'user.online', 'user.offline')),
    constraint edge_reason check ((what in ('member.left', 'user.offline')) = (reason is not null)),
    constraint edge_user check ((what in ('room.occupied', 'room.empty')) = (user_id is null))
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
comment on table presence_private.edge is 'who came and went, until those are told who want to be; of one room in the order of its changes';
comment on sequence presence_private.edge_edge_id_seq is 'the ids of edges';
comment on column presence_private.edge.was_seen_at is 'of a join: when the user was last seen in this room before; null: never';
comment on column presence_private.edge.watched_to is 'of a join that is expanded in parts: the last watch that was looked at';
comment on column presence_private.edge.told_to is 'within that watch: the last user who was told; null: that watch is done';
comment on column presence_private.edge.room_id is 'where it was; of what a user did: the room that they came to first, or left last';

create table presence_private.watch (
    watch_id   bigint           generated always as identity,
    created_at timestamptz      not null,
    until_at   timestamptz,
    quiet      interval         not null,
    user_id    presence.user_id not null,
    watcher_id presence.user_id,
    event_id   presence.event_id,
    room_id    presence.room_id,
    role       text,
    constraint watch_pkey primary key (watch_id),
    constraint watch_quiet check (quiet between interval '0' and interval '24 hours'),
    constraint watch_one_or_role check ((watcher_id is null) = (role is not null and event_id is not null)
                                        and (watcher_id is null or (role is null and event_id is null))),
    constraint watch_not_oneself check (watcher_id <> user_id)
);
comment on table presence_private.watch is 'who is told when somebody comes online: one user, or all who have a role in an event';
comment on sequence presence_private.watch_watch_id_seq is 'the ids of watches';
comment on column presence_private.watch.until_at is 'the watch ends then; null: it does not end by itself';
comment on column presence_private.watch.quiet is 'the same watcher is not told of the same user again for so long';
comment on column presence_private.watch.user_id is 'who is watched';
comment on column presence_private.watch.watcher_id is 'who is told; null: those who have the role in the event, as it is at that moment';
comment on column presence_private.watch.room_id is 'only joins of this room are told; null: of any that both may enter';
create index watch_user_id on presence_private.watch (user_id, watch_id);
create unique index watch_watcher on presence_private.watch (watcher_id, user_id) where watcher_id is not null;
create unique index watch_role on presence_private.watch (event_id, role, user_id) where watcher_id is null;
create index watch_until_at on presence_private.watch (until_at) where until_at is not null;

-- One expander at a time, so ids are in the order of commits: whoever has seen all up to one has missed none before it.
create table presence_private.notification (
    notification_id bigint           generated always as identity,
    at              timestamptz      not null,
    read_at         timestamptz,
    watcher_id      presence.user_id not null,
    user_id         presence.user_id not null,
    room_id         presence.room_id not null,
    event_id        presence.event_id,
    kind            text             not null default 'online',
    constraint notification_pkey primary key (notification_id),
    constraint notification_kind check (kind in ('online'))
);
comment on table presence_private.notification is 'what watchers were told, for 30 days; ids grow in the order of commits';
comment on sequence presence_private.notification_notification_id_seq is 'the ids of notifications';
comment on column presence_private.notification.at is 'when the watched user came online, as far as the watcher may know';
comment on column presence_private.notification.read_at is 'when the watcher said that it was read';
comment on column presence_private.notification.watcher_id is 'who is told';
comment on column presence_private.notification.user_id is 'of whom';
comment on column presence_private.notification.event_id is 'the room''s event at that moment, where it had one';
create index notification_watcher on presence_private.notification (watcher_id, notification_id);
create index notification_pair on presence_private.notification (watcher_id, user_id, at);
create index notification_unread on presence_private.notification (watcher_id) where read_at is null;

-- Appended to alone: nobody ever waits for somebody else's logout.
create unlogged table presence_private.logout (
    at      timestamptz      not null,
    user_id presence.user_id not null
);
comment on table presence_private.logout is 'who was logged out when, for a day: open streams of before end';
create index logout_user_id_at on presence_private.logout (user_id, at);
create index logout_at on presence_private.logout (at);
