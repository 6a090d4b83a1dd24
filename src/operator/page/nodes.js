// The nodes, each with what it hears, reads and ends, and how much it has to do.

import { by, count, list, make, mark, pairs, rate, show, span, write } from './dom.js';

const HEARD_LATE_MS = 30_000;

export function drawNodes(picture) {
    const isAlone = !picture.nodes?.length;
    const nodes = isAlone ? [picture.node] : picture.nodes;
    show(by('nodes-nothing'), isAlone);
    write(by('nodes-nothing'), picture.trouble
        ? 'The other nodes cannot be seen while the database cannot be read. This is the one that answers.'
        : 'No node has told the database of itself yet. This is the one that answers.');
    list(by('nodes'), nodes, (node) => node.node_id, create, (element, node) => update(element, node, node.node_id === picture.node.node_id));
}

function create() {
    const head = make('div', { of: 'node-head' }, make('span', { of: 'dot' }), make('strong'), make('span', { of: 'state' }), make('span', { of: 'soft' }));
    return make('li', { of: 'node' }, head, make('dl', { of: 'grid' }));
}

function update(element, node, isThis) {
    const [head, grid] = element.children;
    const [, name, state, soft] = head.children;
    const { figures } = node;
    const isBad = node.is_silent || !figures.is_ready;
    mark(element, 'data-tone', node.is_silent ? 'gone' : isBad ? 'bad' : 'good');
    write(name, node.node_id);
    write(state, node.is_silent ? `silent for ${span(node.seen_ms)}` : figures.is_ready ? 'ready' : `not ready: ${(figures.causes ?? []).join('; ')}`);
    const words = [figures.host, node.version, `up ${span(node.uptime_ms)}`, isThis ? 'answers this page' : ''];
    write(soft, words.filter(Boolean).join(' · '));
    const heardLate = figures.heard_ms === null || figures.heard_ms > HEARD_LATE_MS;
    const listener = figures.canary_ms === null ? 'deaf' : `canary ${rate(figures.canary_ms)} ms, ${span(figures.heard_ms)} ago`;
    pairs(grid, [
        ['Streams', count(figures.streams)],
        ['Topics', count(figures.topics)],
        ['Leases held', count(figures.leases)],
        ['Heartbeats', `${rate(figures.heartbeats_per_s)}/s`],
        ['Calls', `${rate(figures.calls_per_s)}/s`],
        ['Refused', `${rate(figures.refused_per_s)}/s`],
        ['Listener', listener, heardLate ? 'bad' : null],
        ['Rooms read', figures.read_ms === null ? 'never' : `${span(figures.read_ms)} ago`],
        ['Reaper ran', figures.reaped_ms === null ? 'never' : `${span(figures.reaped_ms)} ago`],
        ['Reaped', count(figures.totals?.reaped)],
        ['Evicted', count(figures.totals?.evicted)],
        ['Pool', `${count(figures.pool - figures.pool_idle)} of ${count(figures.pool)} busy${figures.pool_waiting ? `, ${count(figures.pool_waiting)} wait` : ''}`,
            figures.pool_waiting > 0 ? 'bad' : null],
    ]);
}
