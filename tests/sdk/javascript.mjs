// Clerk's own JavaScript SDK against the emulator, as if it were Clerk. The emulator's line of JSON is the argument.
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { createClerkClient, verifyToken } from '@clerk/backend';
import { isClerkAPIResponseError } from '@clerk/backend/errors';

const emulator = JSON.parse(process.argv[2]);
const settings = {
  secretKey: emulator.secret_key,
  publishableKey: emulator.publishable_key,
  apiUrl: emulator.base_url,
  telemetry: { disabled: true },
};
const clerk = createClerkClient(settings);
const { sessions } = clerk;

const control = async (path, body) => {
  const answer = await fetch(`${emulator.base_url}/emulator/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, path);
  return answer.json();
};

const refused = async (promise, status, code) => {
  const error = await promise.then(
    () => assert.fail(`expected ${status} ${code}`),
    (error) => error,
  );
  assert(isClerkAPIResponseError(error), String(error));
  assert.equal(error.status, status);
  assert.equal(error.errors[0].code, code);
  assert(error.clerkTraceId);
};

// create, get, list
const session = await sessions.createSession({ userId: 'user_js' });
assert.equal(session.status, 'active');
assert.equal((await sessions.getSession(session.id)).id, session.id);
const page = await sessions.getSessionList({ userId: 'user_js', status: 'active', limit: 10 });
assert.equal(page.totalCount, 1);
assert.equal(page.data[0].id, session.id);
assert.equal(page.data[0].createdAt, session.createdAt);
await refused(sessions.createSession({ userId: 'user_nobody' }), 404, 'resource_not_found');
await refused(sessions.getSession('sess_none'), 404, 'resource_not_found');

// tokens, verified with the published keys and without network
const { jwt } = await sessions.getToken(session.id);
const claims = await verifyToken(jwt, settings);
assert.equal(claims.sid, session.id);
assert.equal(claims.sub, 'user_js');
assert.equal(claims.iss, emulator.issuer);
const { keys } = await clerk.jwks.getJwks();
const jwtKey = createPublicKey({ key: keys[0], format: 'jwk' }).export({ type: 'spki', format: 'pem' });
assert.equal((await verifyToken(jwt, { jwtKey })).sid, session.id);
const long = await verifyToken((await sessions.getToken(session.id, '', 3600)).jwt, { jwtKey });
assert.equal(long.exp - long.iat, 3600);
const template = await verifyToken((await sessions.getToken(session.id, 'hasura')).jwt, { jwtKey });
assert.equal(template.sub, 'user_js');
await refused(sessions.getToken(session.id, 'none'), 404, 'resource_not_found');

// a request with the token is signed in
const { jwt: azpToken } = await control('session-tokens', {
  session_id: session.id,
  authorized_party: 'https://app.example.com',
});
const state = await clerk.authenticateRequest(
  new Request('https://app.example.com/', { headers: { authorization: `Bearer ${azpToken}` } }),
  { jwtKey, authorizedParties: ['https://app.example.com'] },
);
assert.equal(state.status, 'signed-in', state.reason);

// The endpoint is gone in the API version of this SDK.
await refused(sessions.verifySession(session.id, jwt), 410, 'operation_deprecated');

// refresh
const { refresh_token } = await control('refresh-tokens', { session_id: session.id });
const refresh = {
  expired_token: jwt,
  refresh_token,
  request_origin: 'https://app.example.com',
  request_headers: { 'User-Agent': ['test'] },
};
const fresh = await sessions.refreshSession(session.id, { ...refresh, format: 'token' });
assert.equal((await verifyToken(fresh.jwt, { jwtKey })).azp, 'https://app.example.com');
const { cookies } = await sessions.refreshSession(session.id, {
  ...refresh,
  format: 'cookie',
  suffixed_cookies: true,
});
assert.equal(cookies.length, 2);

// revoke
assert.equal((await sessions.revokeSession(session.id)).status, 'revoked');
assert.equal((await sessions.revokeSession(session.id)).status, 'revoked');
await refused(sessions.getToken(session.id), 404, 'resource_not_found');

// a wrong key
const stranger = createClerkClient({ ...settings, secretKey: 'sk_test_wrong' });
await refused(stranger.sessions.getSession(session.id), 401, 'clerk_key_invalid');

console.log('JavaScript SDK: every call as at Clerk');
