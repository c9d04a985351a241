// Clerk's own `has` on the pairs that tests/clerks_has.rs wrote, one to a line. Where it says otherwise than we do, it
// must be for one of the reasons that are argued in the documentation of `tower_clerk::authorization`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createCheckAuthorization, validateReverificationConfig } from '@clerk/shared/authorization';
import { isReverificationHint } from '@clerk/shared/authorization-errors';
import { __experimental_JWTPayloadToAuthObjectProperties as read } from '@clerk/shared/jwtPayloadParser';

/** As @clerk/backend asks it of a session token. */
const clerks = (claims, params) => {
  try {
    const { userId, orgId, orgRole, orgPermissions, factorVerificationAge } = read(claims);
    const [features, plans] = [claims.fea || '', claims.pla || ''];
    return createCheckAuthorization({
      userId, orgId, orgRole, orgPermissions, factorVerificationAge, features, plans,
    })(params);
  } catch {
    return false; // A malformed entry is an error, and nobody is let in.
  }
};

/** The claims as they would have to be for Clerk's SDK to say what we say: one argued difference each. */
const argued = {
  'factors grow older': ({ claims, minutes }) => {
    const fva = claims.fva?.map((age) => (age === -1 ? age : age + minutes));
    return fva ? { ...claims, fva } : claims;
  },
  'features and plans are of version 2': ({ claims }) => {
    const { fea, pla, ...others } = claims;
    return claims.v === 2 ? claims : others;
  },
  'a malformed entry grants nothing': ({ claims }) => {
    // One of the organization's keeps its place, so that the masks of those behind it stay theirs.
    const mend = (list) =>
      list
        ?.split(',')
        .map((entry) => entry.trim())
        .map((entry) => {
          if (/^(o|u|ou|uo):[^:]+$/.test(entry)) return entry;
          return entry.split(':')[0].includes('o') ? 'o:nothing' : 'u:nothing';
        })
        .join(',');
    const { fea, pla } = claims;
    return { ...claims, ...(fea && { fea: mend(fea) }), ...(pla && { pla: mend(pla) }) };
  },
};

/** What is refused at start-up although Clerk's SDK might say yes. */
const quirk = ({ role, feature, plan, reverification }) =>
  [feature, plan].some((it) => it && (it.split(':').length > 2 || it.endsWith(':'))) ||
  (role !== undefined && /^(org:)*$/.test(role)) ||
  [feature, plan].includes('') ||
  (typeof reverification === 'object' && reverification.afterMinutes === 1);

const lines = readFileSync(process.argv[2], 'utf8').split('\n').map((line) => JSON.parse(line));
const pairs = lines.filter((line) => 'params' in line);
const hints = lines.filter((line) => 'answer' in line);
assert.equal(pairs.length, 2000);
assert.equal(hints.length, 8);

const seen = Object.fromEntries([...Object.keys(argued), 'refused at start-up'].map((why) => [why, 0]));
let agreed = 0;
for (const pair of pairs) {
  const { claims, params, ours } = pair;
  if (ours === 'typo') {
    const yes = clerks(claims, params);
    if (yes) seen['refused at start-up'] += 1;
    assert(!yes || quirk(params), JSON.stringify(pair));
    continue;
  }
  if (clerks(claims, params) === (ours === 'yes')) {
    agreed += 1;
  }
  let mended = claims;
  for (const [why, mend] of Object.entries(argued)) {
    const before = clerks(mended, params);
    mended = mend({ ...pair, claims: mended });
    if (before !== clerks(mended, params)) seen[why] += 1;
  }
  assert.equal(clerks(mended, params), ours === 'yes', JSON.stringify(pair));
}
for (const [why, count] of Object.entries(seen)) assert(count > 0, `no pair shows that ${why}`);
assert(agreed > 1000, `${agreed} pairs agree as they are`);

for (const { answer, hint } of hints) {
  assert.equal(Boolean(isReverificationHint(answer)), hint !== null, JSON.stringify(answer));
  if (hint) {
    const config = validateReverificationConfig(answer.clerk_error.metadata.reverification);
    assert.deepEqual(config(), hint);
  }
}

console.log(`Clerk's has: 2,000 pairs, ${agreed} alike as they are, the others as argued: ${JSON.stringify(seen)}`);
