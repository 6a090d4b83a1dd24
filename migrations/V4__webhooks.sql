-- Why: webhooks. Endpoints, their secrets, and an outbox that nodes send from.
-- Lock taken: none on anything that exists. Safe beside the previous binary, which knows nothing of these tables.
--
-- Runs as presence_owner.

create table presence_private.webhook (
    webhook_id    bigint      generated always as identity,
    created_at    timestamptz not null default clock_timestamp(),
    disabled_at   timestamptz,
    removed_at    timestamptz,
    failing_since timestamptz,
    delivered_at  timestamptz,
    url           text        not null,
    description   text,
    disabled_why  text,
    last_error    text,
    types         text[],
    room_ids      presence.room_id[],
    event_ids     presence.event_id[],
    user_ids      presence.user_id[],
    constraint webhook_pkey primary key (webhook_id),
    constraint webhook_url check (url ~ '^https?://[^[:space:]/?#@]+([/?][^[:space:]#]*)?$' and octet_length(url) <= 2048),
    constraint webhook_description check (char_length(description) between 1 and 200),
    constraint webhook_types check (cardinality(types) > 0 and types <@ array['member.joined', 'member.left', 'room.occupied',
        'room.empty', 'user.online', 'user.offline', 'notification']),
    constraint webhook_room_ids check (cardinality(room_ids) between 1 and 1000),
    constraint webhook_event_ids check (cardinality(event_ids) between 1 and 1000),
    constraint webhook_user_ids check (cardinality(user_ids) between 1 and 1000),
    constraint webhook_disabled check ((disabled_at is null) = (disabled_why is null))
) with (fillfactor = 50);
comment on table presence_private.webhook is 'endpoints that are told what happens; its row is held by whoever queues or settles deliveries of it';
comment on column presence_private.webhook.disabled_at is 'since when nothing is queued and nothing is sent';
comment on column presence_private.webhook.removed_at is 'gone for everybody; the row goes once its deliveries have';
comment on column presence_private.webhook.failing_since is 'the first failure after which nothing was taken';
comment on column presence_private.webhook.delivered_at is 'when something was taken last, to a second';
comment on column presence_private.webhook.types is 'types of what it is told; null: all. The other filters likewise, and all of them must match';
comment on sequence presence_private.webhook_webhook_id_seq is 'numbers of endpoints';

create table presence_private.webhook_secret (
    webhook_id bigint      not null,
    made_at    timestamptz not null default clock_timestamp(),
    until_at   timestamptz,
    key        bytea       not null,
    constraint webhook_secret_pkey primary key (webhook_id, made_at),
    constraint webhook_secret_key_length check (octet_length(key) between 24 and 64)
);
comment on table presence_private.webhook_secret is 'keys that deliveries are signed with: all of an endpoint that are good, the newest first';
comment on column presence_private.webhook_secret.until_at is 'until when it signs, after a newer one was made; null: it is the newest';

-- No foreign key: it would hold endpoints while they are told, and a removal would delete all their deliveries at once.
create table presence_private.delivery (
    delivery_id bigint      generated always as identity,
    webhook_id  bigint      not null,
    at          timestamptz not null,
    due_at      timestamptz,
    hurry_at    timestamptz,
    ended_at    timestamptz,
    message_id  uuid        not null default gen_random_uuid(),
    attempts    integer     not null default 0,
    status      integer,
    room_id     presence.room_id,
    user_id     presence.user_id,
    type        text        not null,
    state       text        not null default 'waiting',
    lane        text        collate "C" not null,
    error       text,
    payload     text        not null,
    constraint delivery_pkey primary key (delivery_id),
    constraint delivery_state check (state in ('waiting', 'sending', 'delivered', 'failed')),
    constraint delivery_ended check ((ended_at is not null) = (state in ('delivered', 'failed'))),
    constraint delivery_due check (due_at is null or ended_at is null)
) with (fillfactor = 80,
        autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
comment on table presence_private.delivery is 'the outbox: one row an endpoint and a thing that happened, kept for 7 days after its end';
comment on column presence_private.delivery.at is 'when it happened';
comment on column presence_private.delivery.due_at is 'when it is sent next, or counts as not sent by the node that took it; null: it ended, or another of its lane goes first';
comment on column presence_private.delivery.hurry_at is 'of what was refused: from when on it is tried as soon as the endpoint takes anything; infinity: it was, and keeps to its delays from then on';
comment on column presence_private.delivery.message_id is 'the webhook-id, the same at each attempt';
comment on column presence_private.delivery.status is 'of the last answer; null: there was none, error says why';
comment on column presence_private.delivery.lane is 'within it one goes after the other: a room, a user';
comment on sequence presence_private.delivery_delivery_id_seq is 'numbers of deliveries, in the order in which they are sent within a lane';
create index delivery_due on presence_private.delivery (webhook_id, due_at) where due_at is not null;
create index delivery_hurry_at on presence_private.delivery (webhook_id, hurry_at) where state = 'waiting' and hurry_at < 'infinity';
create index delivery_lane on presence_private.delivery (webhook_id, lane, delivery_id) where ended_at is null;
create index delivery_webhook_id on presence_private.delivery (webhook_id, delivery_id);
create index delivery_failed on presence_private.delivery (webhook_id) where state = 'failed';
create index delivery_ended_at on presence_private.delivery (ended_at) where ended_at is not null;
-- For erasing a user, with all endpoints held: of whom something is told, and to whom.
create index delivery_user_id on presence_private.delivery (user_id) where user_id is not null;
create index delivery_notified on presence_private.delivery (lane) where type = 'notification';

-- What the last user.offline was is not known for certain: a join within the grace may be committed after it was told.
create unlogged table presence_private.offline (
    at      timestamptz      not null,
    user_id presence.user_id not null,
    constraint offline_pkey primary key (user_id)
);
comment on table presence_private.offline is 'of whom endpoints were told user.offline within the last hour, and no user.online since';
create index offline_at on presence_private.offline (at);

-- Composite types of internal functions.
create type presence_private.news as (
    at              timestamptz,
    what            text,
    room_id         presence.room_id,
    user_id         presence.user_id,
    reason          text,
    watcher_id      presence.user_id,
    notification_id bigint
);
comment on type presence_private.news is 'something that happened, and that endpoints may be told; watcher_id and notification_id of notifications alone';

create type presence_private.claim as (
    delivery_id bigint,
    webhook_id  bigint,
    attempt     integer,
    url         text,
    message_id  text,
    sent_at_s   bigint,
    payload     text,
    secrets     bytea[]
);
comment on type presence_private.claim is 'a delivery that a node is to send now';
