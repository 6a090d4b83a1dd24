// All stories, one after the other: they share one room.

import './stories/looks.js';
import './stories/rooms.js';
import './stories/examples.js';
