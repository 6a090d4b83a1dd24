// The people of the reference application (sql/host/event_app.sql): who one can be on this page, and whom to open
// next so that there is company.

export interface Persona {
    readonly id: string;
    readonly name: string;
    readonly part: string;
    readonly hue: number;
    readonly about: string;
}

export const CAST: readonly Persona[] = [
    { id: 'alice', name: 'Alice', part: 'Coordinator', hue: 258, about: 'Runs the gala and is in all of its rooms.' },
    { id: 'bob', name: 'Bob', part: 'Collaborator', hue: 205, about: 'Helps with the gala: general and planning.' },
    { id: 'carol', name: 'Carol', part: 'Collaborator', hue: 335, about: 'At the gala, and runs the expo.' },
    { id: 'vera', name: 'Vera', part: 'Vendor', hue: 28, about: 'Caters. Sees her own vendor room and nothing else.' },
    { id: 'victor', name: 'Victor', part: 'Another vendor', hue: 150, about: 'Added to Vera’s room by mistake; stays out all the same.' },
    { id: 'dave', name: 'Dave', part: 'Outsider', hue: 220, about: 'Takes part in nothing, so there is nothing to see.' },
];

/** Who meets whom where; the order is that of being asked in. */
const COMPANY: { readonly [room: string]: readonly string[] } = {
    general: ['alice', 'bob', 'carol'],
    planning: ['alice', 'bob'],
    'vera-catering': ['alice', 'vera'],
    'expo-floor': ['carol', 'victor'],
};

/** Whose vendor room it is. The service tells the kind of a room and, of who was ever there, the role. */
const VENDORS: { readonly [room: string]: string } = { 'vera-catering': 'vera' };

export const vendorOf = (roomId: string): string | undefined => VENDORS[roomId];

/** The person of the cast with this id, or one made up for an id that is not of the cast. */
export function persona(id: string): Persona {
    return CAST.find((one) => one.id === id) ?? { id, name: id, part: '', hue: hueOf(id), about: '' };
}

/** Whom to open in a second tab: somebody who may enter the room and is not there yet, in the order of asking in. */
export function nextPersona(me: string, roomId: string | null, isPresent: (id: string) => boolean): Persona {
    const company = COMPANY[roomId ?? 'general'] ?? COMPANY.general;
    const at = company.indexOf(me);
    const others = [...company.slice(at + 1), ...company.slice(0, Math.max(at, 0))];
    return persona(others.find((id) => !isPresent(id)) ?? others[0]);
}

/** A colour for a user, the same in every tab. */
export function hueOf(id: string): number {
    const known = CAST.find((one) => one.id === id);
    if (known) return known.hue;
    return [...id].reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)!) % 3607, 7) * 137 % 360;
}
