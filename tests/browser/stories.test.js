// All stories, one after the other: they share the cast, and with it the rooms of one server.

import './stories/meeting.js';
import './stories/rooms.js';
import './stories/status.js';
import './stories/screens.js';
import './stories/looks.js';
import './stories/outages.js';
