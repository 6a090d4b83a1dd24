// A reporter of node's test runner: the promise of each story that failed, a line each, and nothing else.

export default async function* failed(events) {
    for await (const { type, data } of events) {
        if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') yield `${data.name}\n`;
    }
}
