-- Why: which nodes there are and how they fare, for operators. Nodes know nothing of each other, and need not.
-- And when a logout that waits in the queue was committed: who logs in after it stays.
-- Lock taken: access exclusive on eviction for a moment (a nullable column); waits for whoever is writing to it.
-- Safe beside the previous binary: it tells nothing of itself, and is not listed.
--
-- Runs as presence_owner.

-- Unlogged: after a crash it is full again once each node has told the next time. No index but the key, and room to
-- spare in its one page: a row changes every few seconds.
create unlogged table presence_private.node (
    started_at timestamptz not null,
    seen_at    timestamptz not null,
    node_id    text        not null,
    version    text        not null,
    figures    jsonb       not null,
    constraint node_pkey primary key (node_id),
    constraint node_id_length check (octet_length(node_id) between 1 and 64),
    constraint node_version_length check (octet_length(version) between 1 and 64),
    constraint node_figures_object check (jsonb_typeof(figures) = 'object'),
    constraint node_figures_length check (octet_length(figures::text) <= 8192)
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
comment on table presence_private.node is 'what each node of the service tells of itself every few seconds; for operators, nothing of presence hangs on it';
comment on column presence_private.node.seen_at is 'when it told last; five minutes later the reaper forgets it';
comment on column presence_private.node.figures is 'health, streams and rates as the node counts them: see docs/operations.md';

-- It gets one more argument.
drop function if exists presence_private.end_without_space(integer, timestamptz);
-- It gets a moment for each user.
drop function if exists presence_private.note_logouts(presence.user_id[], timestamptz);

alter table presence_private.eviction
    add column at timestamptz;
comment on column presence_private.eviction.at is 'of a logout: when it was committed, as it is set right before that; whoever joins later has another login';
