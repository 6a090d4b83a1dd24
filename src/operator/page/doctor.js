// What the doctor found: what is wrong first, with the SQL that mends it.

import { by, counted, list, make, mark, show, span, write } from './dom.js';

const WEIGHT = { error: 0, warning: 1, note: 2, skipped: 3, ok: 4 };

export function drawDoctor({ doctor, operator }) {
    const { findings, ran_ms, is_running } = doctor;
    write(by('doctor-when'), is_running ? 'is looking …' : ran_ms === null ? '' : `looked ${span(ran_ms)} ago`);
    show(by('doctor-nothing'), !findings);
    write(by('doctor-nothing'), operator ? 'The doctor looks at the database for the first time; this takes some seconds.'
        : 'Sign in to have the doctor look at the database.');
    const all = (findings ?? []).map((found, at) => ({ ...found, key: `${found.check} ${found.severity} ${found.says ?? at}` }));
    const wrong = all.filter((found) => found.severity !== 'ok' && found.severity !== 'skipped');
    const fine = all.filter((found) => found.severity === 'ok' || found.severity === 'skipped');
    wrong.sort((a, b) => WEIGHT[a.severity] - WEIGHT[b.severity]);
    list(by('findings'), wrong, (found) => found.key, create, () => {});
    show(by('fine'), fine.length > 0);
    const skipped = fine.filter((found) => found.severity === 'skipped').length;
    write(by('fine-count'), `${counted(fine.length - skipped, 'check holds', 'checks hold')}${skipped ? `, ${counted(skipped, 'was', 'were')} skipped` : ''}`);
    list(by('fine-list'), fine, (found) => found.key, brief, () => {});
}

/** Words, with what stands between backticks as code. */
const prose = (text) => text.split('`').map((part, at) => (at % 2 ? make('code', { text: part }) : part));

function create(found) {
    const item = make('li', { of: 'finding' },
        make('p', { of: 'finding-head' }, make('span', { of: 'badge', text: found.severity }), make('code', { text: found.check })));
    mark(item, 'data-severity', found.severity);
    if (!found.says) return item;
    item.append(make('p', {}, ...prose(found.says)));
    if (found.details?.length) item.append(make('ul', { of: 'details' }, ...found.details.map((text) => make('li', { text }))));
    if (found.mend) item.append(make('p', { of: 'soft' }, ...prose(found.mend)));
    for (const text of [found.sql, found.command].filter(Boolean)) {
        const block = make('pre', { tabindex: '0', 'aria-label': `What mends ${found.check}` }, make('code', { text }));
        item.append(block);
    }
    return item;
}

function brief(found) {
    const text = found.severity === 'skipped' ? `skipped: ${found.says ?? ''}` : (found.says ?? 'holds');
    return make('li', {}, make('code', { text: found.check }), ` ${text}`);
}
