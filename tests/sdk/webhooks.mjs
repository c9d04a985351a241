// Clerk's own verifyWebhook against this crate, both ways: it judges what the emulator sends, and where it and the
// example's handler judge the same message they must agree. The folder of the examples is the argument.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { verifyWebhook } from '@clerk/backend/webhooks';

// What verifyWebhook itself stands on.
const { Webhook } = createRequire(createRequire(import.meta.url).resolve('@clerk/backend/webhooks'))('standardwebhooks');

const examples = process.argv[2];
const secret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX';
const children = [];
process.on('exit', () => children.forEach((child) => child.kill()));

const start = async (name, args, env, ready) => {
  const child = spawn(join(examples, name), args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const told = ready(line);
    if (told) return told;
  }
  throw new Error(`${name} did not start`);
};

const judge = async (headers, body, signingSecret = secret) => {
  const request = new Request('http://localhost/', { method: 'POST', headers, body });
  return verifyWebhook(request, { signingSecret });
};

// What the emulator sends is genuine to Clerk's SDK.
const received = [];
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
  response.writeHead(204).end();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${server.address().port}/`;
const emulator = await start(
  'sessions_api',
  ['--addr', '127.0.0.1:0', '--webhook-url', url, '--webhook-secret', secret],
  {},
  JSON.parse,
);
const post = async (path, body) => {
  const answer = await fetch(`${emulator.base_url}/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${emulator.secret_key}` },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, path);
  return answer.json();
};
const signIn = async (user_id) => (await post('emulator/sessions', { user_id })).session_id;
const one = await signIn('user_1');
for (const status of ['pending', 'active', 'ended', 'removed']) {
  await post('emulator/session-statuses', { session_id: one, status });
}
const two = await signIn('user_2');
await post(`v1/sessions/${two}/revoke`, {});
await post('emulator/users', { user_id: 'user_1', action: 'ban' });
await post('emulator/users', { user_id: 'user_2', action: 'delete' });
const organization_id = 'org_1';
await post('emulator/memberships', { user_id: 'user_3', organization_id, role: 'org:admin' });
await post('emulator/memberships', { user_id: 'user_3', organization_id });
const expected = [
  'session.created',
  'session.pending',
  'session.created',
  'session.ended',
  'session.removed',
  'session.created',
  'session.revoked',
  'user.updated',
  'user.deleted',
  'organizationMembership.updated',
  'organizationMembership.deleted',
];
for (let waited = 0; received.length < expected.length && waited < 400; waited += 1) {
  await new Promise((resolve) => setTimeout(resolve, 25));
}
const events = [];
for (const { headers, body } of received) {
  const event = await judge(headers, body);
  assert.equal(event.instance_id.slice(0, 4), 'ins_');
  assert(Math.abs(Date.now() - event.timestamp) < 60_000);
  await assert.rejects(judge(headers, `${body} `));
  events.push(event);
}
assert.deepEqual(events.map(({ type }) => type), expected);
assert.equal(events[3].data.id, one);
assert.equal(events[6].data.id, two);
assert.equal(events[6].data.status, 'revoked');
assert.equal(events[7].data.banned, true);
assert.equal(events[8].data.id, 'user_2');
assert.equal(events[9].data.role, 'org:admin');
assert.equal(events[10].data.public_user_data.user_id, 'user_3');

// What Clerk's SDK accepts and what it refuses is accepted and refused here.
const handler = await start(
  'webhooks',
  [],
  { ADDR: '127.0.0.1:0', CLERK_WEBHOOK_SIGNING_SECRET: secret },
  (line) => line.startsWith('listening on ') && line.slice('listening on '.length),
);
const payload = JSON.stringify({
  object: 'event',
  type: 'session.ended',
  data: { object: 'session', id: 'sess_1', user_id: 'user_1', status: 'ended', name: 'Ωmega "quoted"' },
  timestamp: Date.now(),
  instance_id: 'ins_1',
});
const now = Math.floor(Date.now() / 1000);
const signer = new Webhook(secret);
const other = new Webhook('whsec_CAgICAgICAgICAgICAgICAgICAgICAgI');
const message = ({ id = 'msg_1', at = now, body = payload, by = signer, change = (it) => it } = {}) => {
  const signature = by.sign(id, new Date(at * 1000), body);
  return change({
    headers: { 'svix-id': id, 'svix-timestamp': String(at), 'svix-signature': signature },
    body,
  });
};
const header = (name, value) => ({ headers, body }) => {
  const changed = { ...headers };
  const told = typeof value === 'function' ? value(headers[name]) : value;
  if (told === undefined) delete changed[name];
  else changed[name] = told;
  return { headers: changed, body };
};
const signature = (value) => header('svix-signature', value);
const foreign = message({ by: other }).headers['svix-signature'];
const cases = [
  ['as it is', true, message()],
  ['290 s old', true, message({ at: now - 290 })],
  ['290 s ahead', true, message({ at: now + 290 })],
  ['with another signature before it', true, message({ change: signature((it) => `${foreign} ${it}`) })],
  ['with another signature behind it', true, message({ change: signature((it) => `${it} ${foreign}`) })],
  ['with another version before it', true, message({ change: signature((it) => `v2,x v1a,y ${it}`) })],
  ['too old', false, message({ at: now - 310 })],
  ['too far ahead', false, message({ at: now + 310 })],
  ["signed with another's secret", false, message({ by: other })],
  ['another body', false, message({ change: ({ headers, body }) => ({ headers, body: body.replace('sess_1', 'sess_2') }) })],
  ['a longer body', false, message({ change: ({ headers, body }) => ({ headers, body: `${body}\n` }) })],
  ['another id', false, message({ change: header('svix-id', 'msg_2') })],
  ['another time', false, message({ change: header('svix-timestamp', String(now + 1)) })],
  ['no id', false, message({ change: header('svix-id') })],
  ['no time', false, message({ change: header('svix-timestamp') })],
  ['no signature', false, message({ change: header('svix-signature') })],
  ['an empty id', false, message({ change: header('svix-id', '') })],
  ['a time in words', false, message({ change: header('svix-timestamp', 'now') })],
  ['another version', false, message({ change: signature((it) => it.replace('v1,', 'v2,')) })],
  ['no version', false, message({ change: signature((it) => it.replace('v1,', '')) })],
  ['an empty signature', false, message({ change: signature('v1,') })],
  ['a signature without padding', false, message({ change: signature((it) => it.replace(/=+$/, '')) })],
  ['a signature cut short', false, message({ change: signature((it) => it.slice(0, -8)) })],
  ['commas for spaces', false, message({ change: signature((it) => `${foreign},${it}`) })],
];
for (const [name, isGood, { headers, body }] of cases) {
  const byClerk = await judge(headers, body).then(() => true, () => false);
  assert.equal(byClerk, isGood, `Clerk's SDK: ${name}`);
  const answer = await fetch(`${handler}/webhooks/clerk`, { method: 'POST', headers, body });
  assert.equal(answer.status, isGood ? 204 : 400, name);
}
console.log(`verifyWebhook: ${events.length} events of the emulator, ${cases.length} messages judged alike`);
process.exit(0);
