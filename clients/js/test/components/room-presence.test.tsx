// @vitest-environment happy-dom
// The face pile and its list: by pointer, by keyboard, and for a screen reader.

import { act, cleanup, render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, expect, test } from 'vitest';
import { RoomPresence, type RoomPresenceProps } from '../../src/components/index.js';
import { PresenceProvider } from '../../src/react/index.js';
import { FakePresence, member } from '../react/fake.js';

afterEach(cleanup);

const twelve = [...'abcdefghijkl'].map((id, at) => member(id, { joined_at: `2026-01-01T10:00:${10 + at}Z` }));

function show(props: RoomPresenceProps = { members: twelve, selfId: 'c' }): ReturnType<typeof userEvent.setup> {
    render(
        <>
            <RoomPresence {...props} />
            <button type="button">elsewhere</button>
        </>,
    );
    return userEvent.setup();
}

const faces = (): (string | null)[] =>
    within(screen.getByRole('group')).getAllByRole('button').map((button) => button.getAttribute('aria-label') ?? named(button));
const named = (button: HTMLElement): string | null =>
    document.getElementById(button.getAttribute('aria-labelledby')!)!.textContent;
const more = (): HTMLElement => screen.getByRole('button', { name: '+7, show all 12' });

test('shows five faces, oneself first, then who came first, and how many more', () => {
    show();

    expect(faces()).toEqual(['C Adams (you) Active', 'A Adams Active', 'B Adams Active', 'D Adams Active', 'E Adams Active', '+7, show all 12']);
    expect(screen.getByRole('group', { name: '12 people here' })).toBeTruthy();
});

test('nobody changes places because somebody else came', () => {
    const { rerender } = render(<RoomPresence members={twelve.slice(0, 3)} />);
    const before = faces();

    rerender(<RoomPresence members={[member('z', { joined_at: '2026-01-01T12:00:00Z' }), ...twelve.slice(0, 3)]} />);

    expect(faces().slice(0, 3)).toEqual(before);
});

test('has no +N where all are shown', () => {
    show({ members: twelve.slice(0, 5) });

    expect(faces()).toHaveLength(5);
});

test('takes another number of faces', () => {
    show({ members: twelve, max: 3 });

    expect(screen.getByRole('button', { name: '+9, show all 12' })).toBeTruthy();
});

test('+N opens the full list and takes the focus there', async () => {
    const user = show();

    await user.click(more());

    const dialog = screen.getByRole('dialog', { name: '12 people here' });
    expect(document.activeElement).toBe(dialog);
    expect(within(dialog).getAllByRole('listitem')).toHaveLength(12);
    expect(more().getAttribute('aria-expanded')).toBe('true');
    expect(more().getAttribute('aria-haspopup')).toBe('dialog');
});

test('opens by keyboard from a face, too, and Escape brings the focus back to it', async () => {
    const user = show();
    await user.tab();
    await user.tab();
    const face = document.activeElement!;

    await user.keyboard('{Enter}');
    expect(screen.getByRole('dialog')).toBeTruthy();
    await user.keyboard('{Escape}');

    expect(screen.queryByRole('dialog')).toBeNull();
    expect(document.activeElement).toBe(face);
});

test('closes by its button, with the focus where it was before', async () => {
    const user = show();
    await user.click(more());

    await user.click(screen.getByRole('button', { name: 'Close' }));

    expect(screen.queryByRole('dialog')).toBeNull();
    expect(document.activeElement).toBe(more());
});

test('a second press closes it', async () => {
    const user = show();

    await user.click(more());
    await user.click(more());

    expect(screen.queryByRole('dialog')).toBeNull();
});

test('a press elsewhere closes it, and keeps the focus elsewhere', async () => {
    const user = show();
    await user.click(more());

    await user.click(screen.getByRole('button', { name: 'elsewhere' }));

    expect(screen.queryByRole('dialog')).toBeNull();
    expect(document.activeElement?.textContent).toBe('elsewhere');
});

test('tabbing out of it closes it', async () => {
    const user = show();
    await user.click(more());

    await user.tab();
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Close');
    await user.tab();

    expect(screen.queryByRole('dialog')).toBeNull();
    expect(document.activeElement?.textContent).toBe('elsewhere');
});

test('stays open, with its focus, while people come and go', async () => {
    const { rerender } = render(<RoomPresence members={twelve} />);
    await userEvent.setup().click(more());
    const dialog = screen.getByRole('dialog');

    rerender(<RoomPresence members={twelve.slice(1)} />);

    expect(screen.getByRole('dialog', { name: '11 people here' })).toBe(dialog);
    expect(document.activeElement).toBe(dialog);
});

test('each face is named by its tooltip, and Escape quiets the tooltips', async () => {
    const user = show({ members: [member('bob', { status: 'busy' })] });
    await user.tab();
    const face = document.activeElement as HTMLElement;
    const pile = screen.getByRole('group');
    expect(document.getElementById(face.getAttribute('aria-labelledby')!)?.getAttribute('role')).toBe('tooltip');
    expect(pile.dataset.quiet).toBe('false');

    await user.keyboard('{Escape}');
    expect(pile.dataset.quiet).toBe('true');
    await user.tab();

    expect(pile.dataset.quiet).toBe('false');
});

test('the tooltips speak again when the pointer moves on', async () => {
    const user = show();
    await user.hover(screen.getAllByRole('button')[0]);
    await user.keyboard('{Escape}');
    expect(screen.getByRole('group').dataset.quiet).toBe('true');

    await user.hover(screen.getAllByRole('button')[1]);

    expect(screen.getByRole('group').dataset.quiet).toBe('false');
});

test('the list says what people do and what they say', async () => {
    const user = show({ members: [member('bob', { status: 'busy', activity: 'viewing budget', message: 'back soon' })] });

    await user.click(screen.getByRole('button', { name: 'Bob Adams Busy' }));

    expect(screen.getByRole('listitem').textContent).toBe('Bob AdamsBusy · viewing budget · back soon');
});

test('draws faces as the application wishes', () => {
    show({ members: twelve, renderAvatar: ({ user_id }) => <img data-face={user_id} alt="" /> });

    expect(document.querySelectorAll('[data-face]')).toHaveLength(5);
    expect(document.querySelector('.pgp-face')).toBeNull();
});

test('a picture that does not load leaves the initials', () => {
    show({ members: [member('bob', { avatar_url: 'gone.png' })] });
    const image = document.querySelector('img')!;

    act(() => void image.dispatchEvent(new Event('error')));

    expect(image.hidden).toBe(true);
    expect(document.querySelector<HTMLElement>('.pgp-face')!.dataset.letters).toBe('BA');
});

test.each([
    ['😀mile Öz', '😀Ö'],
    ['ann', 'A'],
    ['Ann Maria Lee', 'AM'],
])('the initials of %s are %s', (name, letters) => {
    show({ members: [member('x', { name })] });

    expect(document.querySelector<HTMLElement>('.pgp-face')!.dataset.letters).toBe(letters);
});

test('is in the room that it shows, through every phase', () => {
    const client = new FakePresence();
    const page: ReactNode = <PresenceProvider client={client}><RoomPresence roomId="general" /></PresenceProvider>;
    const { container } = render(page);
    const room = client.room('general');
    expect([room.joins, container.textContent]).toEqual([1, '']);

    act(() => room.show([]));
    expect(container.textContent).toBe('Nobody is here');
    act(() => room.show([member('alice')], 'alice'));
    expect(faces()).toEqual(['Alice Adams (you) Active']);
    act(() => room.set({ members: [], self: null, onlineCount: 612, mode: 'count' }));
    expect(container.textContent).toBe('612 people here');
    act(() => room.set({ phase: 'error', onlineCount: 0, error: { type: 'room-not-found', status: 404, message: '' } }));
    expect(container.textContent).toBe('Not available');
});

test('only looks where it is told to observe', () => {
    const client = new FakePresence();

    render(<PresenceProvider client={client}><RoomPresence roomId="general" observe /></PresenceProvider>);

    expect([client.room('general').joins, client.room('general').observers]).toEqual([0, 1]);
});

test('renders on a server', () => {
    expect(renderToString(<RoomPresence members={twelve} />)).toContain('+7');
});
