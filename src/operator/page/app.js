// The operator's page: looks every two seconds, draws what changed, signs in and out. Reading is all it does until
// somebody signs in and allows changes, which is forgotten with the page.

import { by, counted, list, make, mark, show, span, write } from './dom.js';
import { drawDoctor } from './doctor.js';
import { Watch, call, hasToken, setToken } from './link.js';
import { drawNodes } from './nodes.js';
import { drawNumbers } from './numbers.js';
import { allowChanges, drawRooms, startRooms, tell } from './rooms.js';

const PHASES = { connecting: 'Connecting', live: 'Live', lost: 'Not reached' };

let lastAt = null;
let picture = null;

const watch = new Watch(draw, (phase, error) => {
    if (phase === 'refused') {
        // The token has ended, or was taken back.
        signOut();
        tell(`Signed out: ${error.message}.`, 'bad');
        watch.now();
        return;
    }
    mark(by('link'), 'data-phase', phase);
    write(by('link-word'), PHASES[phase]);
    document.documentElement.toggleAttribute('data-stale', phase === 'lost');
    if (phase === 'live') lastAt = new Date();
    write(by('link-time'), phase === 'live' ? lastAt.toLocaleTimeString('en-GB') : lastAt ? `since ${span(Date.now() - lastAt)}` : '');
    if (phase === 'lost') drawNotices(picture, true);
});

function draw(one) {
    picture = one;
    const { node, operator } = picture;
    write(by('node-name'), `node ${node.node_id} · ${node.version}`);
    show(by('sign-in'), !operator);
    show(by('sign-out'), Boolean(operator));
    show(by('operator-name'), Boolean(operator));
    show(by('changes'), Boolean(operator));
    show(by('sign-in-dev'), picture.hands_tokens);
    write(by('operator-name'), operator);
    drawNotices(picture, false);
    drawNumbers(picture);
    drawNodes(picture);
    drawRooms(picture);
    drawDoctor(picture);
}

/** What is wrong, before anything else; empty where all is well. */
function drawNotices(one, isLost) {
    const notices = [];
    if (isLost) notices.push(['lost', one ? 'This node cannot be reached. What is shown is how it was.' : 'This node cannot be reached.']);
    if (one?.trouble) notices.push(['trouble', one.trouble]);
    if (one && !one.node.figures.is_ready) notices.push(['ready', `This node is not ready: ${one.node.figures.causes.join('; ')}.`]);
    const silent = (one?.nodes ?? []).filter((node) => node.is_silent).length;
    if (silent) notices.push(['silent', `${counted(silent, 'node has', 'nodes have')} died or cannot reach the database.`]);
    const errors = (one?.doctor.findings ?? []).filter((found) => found.severity === 'error').length;
    if (errors) notices.push(['doctor', `The doctor found ${counted(errors, 'error', 'errors')}: see below.`]);
    list(by('notices'), notices, ([key]) => key, () => make('p', { of: 'notice bad' }), (element, [, text]) => write(element, text));
}

function signOut() {
    setToken(null);
    setChanges(false);
}

function setChanges(is) {
    mark(by('changes'), 'aria-checked', String(is));
    allowChanges(is);
}

async function signIn(token) {
    try {
        await call('GET', '/operator/overview', token);
    } catch (error) {
        write(by('sign-in-trouble'), `${error.message}.`);
        return;
    }
    setToken(token);
    by('sign-in-box').close();
    await watch.now();
}

by('sign-in').addEventListener('click', () => {
    by('token').value = '';
    write(by('sign-in-trouble'), '');
    by('sign-in-box').showModal();
});
by('sign-in-cancel').addEventListener('click', () => by('sign-in-box').close());
by('sign-in-form').addEventListener('submit', (event) => {
    event.preventDefault();
    signIn(by('token').value.trim());
});
by('sign-in-dev').addEventListener('click', async () => {
    try {
        const { token } = await call('POST', '/operator/token', null);
        await signIn(token);
    } catch (error) {
        write(by('sign-in-trouble'), `${error.message}.`);
    }
});
by('sign-out').addEventListener('click', () => {
    signOut();
    watch.now();
});
by('changes').addEventListener('click', () => setChanges(by('changes').getAttribute('aria-checked') !== 'true'));

setChanges(false);
startRooms(() => watch.now());
watch.now();
if (hasToken()) show(by('sign-in'), false);
