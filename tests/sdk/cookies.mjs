// Clerk's own `authenticateRequest` on the requests that tests/clerks_cookies.rs wrote, one to a line. Where it says
// otherwise than we do, it must be for one of the reasons that are argued here and told in `tower_clerk::guide::front_ends`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createClerkClient } from '@clerk/backend';

const lines = readFileSync(process.argv[2], 'utf8').split('\n').map((line) => JSON.parse(line));
const instances = lines.filter((line) => 'publishableKey' in line);
const requests = lines.filter((line) => 'cookies' in line);
assert.equal(instances.length, 2);
assert.equal(requests.length, 2000);

for (const instance of instances) {
  const { secretKey, publishableKey, jwtKey } = instance;
  instance.clerk = createClerkClient({ secretKey, publishableKey, jwtKey, telemetry: { disabled: true } });
}
Date.now = () => instances[0].now * 1000;

/** What Clerk says to a document's request: whose session is admitted, `absent` where no token is judged, or `refused`. */
const clerks = async ({ live, authorizedParties, issuer, suffix, clerk }, fields) => {
  const headers = new Headers({ 'sec-fetch-dest': 'document' });
  for (const field of fields) headers.append('cookie', field);
  // A development instance has one more cookie, without which Clerk's SDK looks at no other.
  if (!live) headers.append('cookie', `__clerk_db_jwt=dvb_1; __clerk_db_jwt_${suffix}=dvb_1`);
  const request = new Request('https://app.example.com/', { headers });
  let state;
  try {
    state = await clerk.authenticateRequest(request, { authorizedParties, issuer });
  } catch {
    return 'refused'; // A payload that is no object is an error.
  }
  const { sessionId } = state.toAuth() ?? {};
  return sessionId ?? (nobody.includes(state.reason) ? 'absent' : 'refused');
};

const nobody = [
  'session-token-and-uat-missing',
  'session-token-but-no-client-uat',
  'client-uat-but-no-session-token',
];

/** The cookies as they would have to be for Clerk's SDK to say what we say: one argued difference each. */
const argued = {
  // `__session` is other frameworks' name too, and what they keep there signs nobody out. Tokens need no encoding.
  'what is no token of any instance is passed over': ({ session }) => {
    for (const name of session) name.values = name.values.filter((value) => issuer(value));
  },
  // With its scheme, as Clerk's tokens have it and as it is verified.
  'an issuer is compared whole': ({ session, instance }) => {
    const isNearly = (iss) => iss !== instance.issuer && instance.issuer.endsWith(iss.replace(/https?:\/\//gi, '//'));
    for (const name of session) {
      name.values = name.values.map((value) =>
        isNearly(issuer(value)) ? unsigned(value, { iss: 'https://clerk.other.example' }) : value,
      );
    }
  },
  // Header and signature matter once it is verified.
  'for the choice nothing but the payload is read': ({ session }) => {
    for (const name of session) {
      name.values = name.values.map((value) => (isDecodable(value) ? value : unsigned(value)));
    }
  },
  // As if it were absent.
  'a time that is no number is none': ({ session }) => {
    for (const name of session) {
      name.values = name.values.map((value) => {
        const { iat, exp } = payload(value);
        const odd = Object.entries({ iat, exp }).filter(([, time]) => time !== undefined && typeof time !== 'number');
        return odd.length ? unsigned(value, Object.fromEntries(odd.map(([name]) => [name, undefined]))) : value;
      });
    }
  },
  // The browser sends both where domains or paths have a cookie of one name each.
  "another instance's token beside ours is passed over": ({ session: [plain], instance }) => {
    const ours = plain.values.filter((value) => issuer(value) === instance.issuer);
    if (ours.length) plain.values = ours;
  },
  // It counts as of the year 1970.
  'a token that tells no time is from before any sign-in': ({ session, uat }) => {
    session.forEach((name, i) => {
      const [first] = name.values;
      const since = uat[i].values.filter((value) => value);
      const isTime = since.length && since.every((value) => value === since[0]) && isTimeOf(since[0]);
      if (first && isTime && payload(first).iat === undefined) name.values = [unsigned(first)];
    });
  },
  // An empty one is none.
  'two times that differ are nonsense': ({ uat }) => {
    for (const name of uat) {
      name.values = name.values.filter((value) => value);
      if (new Set(name.values).size > 1) name.values = ['nonsense'];
    }
  },
  // As if it were absent. A time is of digits, and before the year 10000.
  'nonsense in client_uat is ignored': ({ uat }) => {
    for (const name of uat) {
      name.values = name.values.map((value) => (isTimeOf(value) ? String(Number(value)) : '1'));
    }
  },
  // An API may get the session cookie alone, and cannot send its caller to Clerk for the other.
  'a session without client_uat is admitted': ({ session, uat, instance }) => {
    const [[plain, suffixed], [plainUat, suffixedUat]] = [session, uat];
    const isOurs = plain.values.some((value) => issuer(value) === instance.issuer);
    if (isOurs && !plainUat.values.length && suffixedUat.values[0] !== '0') plainUat.values = ['1'];
    if (!isOurs && suffixed.values.length && !suffixedUat.values.length) suffixedUat.values = ['1'];
  },
  // Which of them the browser means cannot be known.
  'of two tokens that differ none is admitted': ({ session }) => {
    for (const name of session) if (new Set(name.values).size > 1) name.values = [unsigned(name.values[0])];
  },
};

const isTimeOf = (value) => /^[0-9]+$/.test(value) && Number(value) < 253402300800;

/** The claims of a token, none where it has not a token's form. */
const payload = (value) => {
  if (!/^[\w-]+\.[\w-]*\.[\w-]*$/.test(value)) return {};
  try {
    return { ...JSON.parse(Buffer.from(value.split('.')[1], 'base64url')) };
  } catch {
    return {};
  }
};

const issuer = (value) => {
  const { iss } = payload(value);
  return typeof iss === 'string' ? iss : '';
};

/** Whether Clerk's SDK can read header and signature. */
const isDecodable = (value) => {
  const [header, , signature] = value.split('.');
  try {
    JSON.parse(Buffer.from(header, 'base64url'));
  } catch {
    return false;
  }
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
};

/** A token that says the same but for these claims, and is good for nothing but to be chosen. */
const unsigned = (value, claims) => {
  const part = (json) => Buffer.from(JSON.stringify(json)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part({ ...payload(value), ...claims })}.c2ln`;
};

const seen = Object.fromEntries(Object.keys(argued).map((why) => [why, 0]));
let agreed = 0;
for (const { live, cookies, fields, ours } of requests) {
  const instance = instances.find((it) => it.live === live);
  const [session, uat] = ['__session', '__client_uat'].map((name) =>
    [name, `${name}_${instance.suffix}`].map((name) => ({
      name,
      values: cookies.filter((cookie) => cookie[0] === name).map(([, value]) => value),
    })),
  );
  const field = () =>
    [...session, ...uat].flatMap(({ name, values }) => values.map((value) => `${name}=${value}`)).join('; ');

  let answer = await clerks(instance, fields);
  const told = () => {
    const told = JSON.stringify({ live, ours, clerks: answer, fields, field: field() }, null, 1);
    return told.replace(/[\w-]+\.[\w-]+\.[\w-]*/g, (token) => JSON.stringify(payload(token)).replaceAll('"', "'"));
  };
  assert.equal(await clerks(instance, [field()]), answer, told());
  if (answer === ours) agreed += 1;
  for (const [why, mend] of Object.entries(argued)) {
    const [before, fieldBefore] = [answer, field()];
    mend({ session, uat, instance });
    if (field() === fieldBefore) continue;
    answer = await clerks(instance, [field()]);
    if (before !== answer) seen[why] += 1;
  }
  assert.equal(answer, ours, told());
}
for (const [why, count] of Object.entries(seen)) assert(count > 0, `no request shows that ${why}`);
assert(agreed > 1000, `${agreed} requests agree as they are`);

console.log(`Clerk's cookies: 2,000 requests, ${agreed} alike as they are, the others as argued: ${JSON.stringify(seen)}`);
