// Figures: the tiles, what happens a second and a minute, the database, what was refused.

import { Spark, by, count, counted, list, make, pairs, rate, span, write, mark } from './dom.js';

const QUEUE_NOTEWORTHY = 0.05;
const OPEN_NOTEWORTHY_MS = 60_000;
const REAPED_LATE_MS = 5_000;

const REFUSALS = [
    ['invalid', 'Not valid (400, 405, 413, 415)'], ['unauthenticated', 'No good token (401)'], ['forbidden', 'Scope is missing (403)'],
    ['not_found', 'Not there, or not theirs (404)'], ['conflicts', 'Overtaken, ended, too many (409)'], ['limited', 'Too often (429)'],
    ['unavailable', 'Not now (503)'], ['failed', 'Failed (500)'],
];
const CHANGES = [
    ['join', 'Came'], ['update', 'Changed'], ['left', 'Left'], ['disconnected', 'Closed their tab'], ['expired', 'Expired'],
    ['revoked', 'Evicted: no longer allowed'], ['removed', 'Removed'], ['logged_out', 'Logged out'],
];

/** The nodes that count: all that have told lately, or the one that answers where no other can be seen. */
export const heard = (picture) => (picture.nodes?.length ? picture.nodes.filter((node) => !node.is_silent) : [picture.node]);

const sum = (picture, of) => heard(picture).reduce((total, node) => total + (of(node.figures) ?? 0), 0);

export function drawNumbers(picture) {
    const { presence } = picture;
    const nodes = heard(picture);
    const ready = nodes.filter((node) => node.figures.is_ready).length;
    const unknown = '–';
    tiles([
        ['People', presence && presence.people, presence ? `${counted(presence.members, 'member', 'members')} of rooms` : unknown],
        ['Rooms', presence && presence.rooms, 'with somebody in them'],
        ['Sessions', presence && presence.sessions, 'tabs and devices'],
        ['Streams', sum(picture, (figures) => figures.streams), `watch ${counted(sum(picture, (figures) => figures.topics), 'topic', 'topics')}`],
        ['Heartbeats', sum(picture, (figures) => figures.heartbeats_per_s), 'a second'],
        ['Nodes', nodes.length, ready === nodes.length ? 'all ready' : `${count(ready)} of them ready`, ready === nodes.length ? null : 'bad'],
    ]);
    pairs(by('rates'), [
        ['Heartbeats', rate(sum(picture, (figures) => figures.heartbeats_per_s))],
        ['Calls', rate(sum(picture, (figures) => figures.calls_per_s))],
        ['Refused', rate(sum(picture, (figures) => figures.refused_per_s))],
        ...toned('Failed', sum(picture, (figures) => figures.failed_per_s), rate),
        ['Reads of rooms', rate(sum(picture, (figures) => figures.reads_per_s))],
    ]);
    pairs(by('minute'), CHANGES.map(([what, words]) => [words, presence ? count(presence.last_minute[what]) : unknown]));
    pairs(by('refused'), REFUSALS.flatMap(([what, words]) => {
        const many = sum(picture, (figures) => figures.totals?.[what]);
        return what === 'failed' || what === 'unavailable' ? toned(words, many, count) : [[words, count(many)]];
    }));
    pairs(by('database'), database(picture));
}

const toned = (words, many, format) => [[words, format(many), many > 0 ? 'bad' : null]];

function tiles(rows) {
    const create = () => {
        const spark = new Spark();
        const tile = make('div', { of: 'tile' }, make('dt'), make('dd', { of: 'number' }), make('dd', { of: 'soft' }, make('span'), spark.element));
        tile.spark = spark;
        return tile;
    };
    list(by('tiles'), rows, ([name]) => name, create, (tile, [name, value, words, tone]) => {
        const [term, number, soft] = tile.children;
        write(term, name);
        write(number, value === null || value === undefined ? '–' : rate(value));
        write(soft.firstElementChild, words);
        mark(tile, 'data-tone', tone);
        tile.spark.add(value ?? 0);
    });
}

function database({ server, presence }) {
    const rows = [];
    if (server) {
        rows.push(['Postgres', `${server.version}, up ${span(server.uptime_ms)}`]);
        const queue = server.notify_queue;
        rows.push(['NOTIFY queue', `${rate(queue * 100)} % full`, queue > QUEUE_NOTEWORTHY ? 'bad' : null]);
        rows.push(['Oldest xmin', ...xmin(server.xmin)]);
    }
    if (presence) {
        const late = presence.reaped_ms === null || presence.reaped_ms > REAPED_LATE_MS;
        rows.push(['Reaper had ended all', presence.reaped_ms === null ? 'never' : `${span(presence.reaped_ms)} ago`, late ? 'bad' : null]);
        const overdue = presence.overdue ? `${count(presence.overdue)}, for ${span(presence.overdue_ms)}` : 'none';
        rows.push(['Leases overdue', overdue, presence.overdue_ms > REAPED_LATE_MS ? 'bad' : null]);
        rows.push(['Changes of your tables waiting', count(presence.evictions), presence.evictions > 1000 ? 'bad' : null]);
        rows.push(['Epoch', presence.epoch ? presence.epoch.slice(0, 8) : 'none yet']);
    }
    return rows.length ? rows : [['Postgres', 'not reached', 'bad']];
}

function xmin(holder) {
    if (!holder) return ['nothing is held', null];
    const open = holder.open_ms === null ? '' : `, open for ${span(holder.open_ms)}`;
    const whose = holder.whose ? ` ${holder.whose}` : '';
    const isOld = holder.open_ms > OPEN_NOTEWORTHY_MS;
    return [`${counted(holder.age, 'transaction', 'transactions')} ago: ${holder.kind}${whose}${open}`, isOld ? 'bad' : null];
}
