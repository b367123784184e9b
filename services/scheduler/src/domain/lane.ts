/** Lanes of the due table: a claim takes a bounded share of each, so no tenant blocks another. */
export const LANE_COUNT = 16;
const LANES_PER_TENANT = 4;
const TENANT_GROUPS = LANE_COUNT / LANES_PER_TENANT;

/**
 * A tenant owns four of the sixteen lanes; the id picks one of the four. A pure function of the
 * row, since the lane is part of the key that makes a repeated insert harmless.
 */
export function laneOf(tenantId: string, id: string): number {
  const group = fnv1a(tenantId) % TENANT_GROUPS;
  const lastByte = Number.parseInt(id.slice(-2), 16);
  return group * LANES_PER_TENANT + (lastByte % LANES_PER_TENANT);
}

/** FNV-1a, 32 bits, of the text's UTF-16 units (a uuid is ASCII). */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
