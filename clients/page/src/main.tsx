// The page that `pg-presence dev` serves: the reference event application, seen by one of its people.
// Who that is stands in the address, so that every tab can be somebody else.

import { createRoot } from 'react-dom/client';
import 'pg-presence/styles.css';
import 'pg-presence/beyond.css';
import { App } from './app';
import { persona } from './cast';
import { Welcome } from './menus';
import './base.css';
import './frame.css';
import './room.css';
import './panel.css';
import './event.css';
import './news.css';
import './hood.css';

const me = new URLSearchParams(location.search).get('as');
if (me) document.title = `${persona(me).name} · pg-presence`;
createRoot(document.getElementById('page')!).render(me ? <App me={me} /> : <Welcome />);
