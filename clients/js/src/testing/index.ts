// For tests of what is built on the client: a service in memory, a clock that is moved by hand, a browser of tabs.

export { createManualClock, settle, type ManualClock } from './clock.js';
export { createFakeServer, type FakeRequest, type FakeServer, type FakeServerOptions } from './server.js';
export { createFakeBrowser, type FakeBrowser, type FakeTab } from './browser.js';
