// SPDX-License-Identifier: BSD-2-Clause
// Node.js with pkcs11js and keys of a Linux keyring: an example, and a test whose results are those
// of node:crypto for the same bytes. Prints TAP.
//
// kcryptoki.js MODULE AES-KEY-FILE MAC-KEY-FILE [extractable]; the keys have the labels "aes" and
// "mac". The last word is for kernels before 6.2, which use no keys but those that can be read.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const pk = createRequire(process.env.KCRYPTOKI_NODE_MODULES + '/')('pkcs11js');

const [path, aesFile, macFile, readable] = process.argv.slice(2);
const aesBytes = fs.readFileSync(aesFile);
const macBytes = fs.readFileSync(macFile);
const text = Buffer.alloc(4001, 'some text, over and over; ');
const iv = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
let number = 0;
let failed = 0;

async function check(name, test) {
  let passed = false;
  try {
    passed = await test();
  } catch (error) {
    console.log('#', error.message);
  }
  failed += passed ? 0 : 1;
  console.log(`${passed ? 'ok' : 'not ok'} ${++number} - ${name}`);
}

const token = new pk.PKCS11();
token.load(path);
// The asynchronous calls run in threads.
token.C_Initialize({ flags: pk.CKF_OS_LOCKING_OK });
const slot = token.C_GetSlotList(true)
  .find((id) => token.C_GetTokenInfo(id).label.trim() === 'kernel-user');
const open = () => token.C_OpenSession(slot, pk.CKF_SERIAL_SESSION | pk.CKF_RW_SESSION);
const session = open();

function find(label) {
  token.C_FindObjectsInit(session, [
    { type: pk.CKA_CLASS, value: pk.CKO_SECRET_KEY },
    { type: pk.CKA_LABEL, value: label },
  ]);
  const key = token.C_FindObjects(session);
  token.C_FindObjectsFinal(session);
  return key;
}

function encrypt(mechanism, key, bytes) {
  token.C_EncryptInit(session, mechanism, key);
  return token.C_Encrypt(session, bytes, Buffer.alloc(bytes.length + 32));
}

function decrypt(mechanism, key, bytes) {
  token.C_DecryptInit(session, mechanism, key);
  return token.C_Decrypt(session, bytes, Buffer.alloc(bytes.length));
}

function encryptInParts(mechanism, key, bytes) {
  const out = [];
  token.C_EncryptInit(session, mechanism, key);
  for (let at = 0; at < bytes.length; at += 1000) {
    out.push(token.C_EncryptUpdate(session, bytes.subarray(at, at + 1000), Buffer.alloc(1016)));
  }
  out.push(token.C_EncryptFinal(session, Buffer.alloc(16)));
  return Buffer.concat(out);
}

// In a session of its own, and not in this thread.
async function encryptAside(mechanism, key, bytes) {
  const aside = open();
  token.C_EncryptInit(aside, mechanism, key);
  const sealed = await token.C_EncryptAsync(aside, bytes, Buffer.alloc(bytes.length + 32));
  token.C_CloseSession(aside);
  return sealed;
}

// What node:crypto makes of the same bytes; the tag behind it, where there is one.
function expected(name, nonce) {
  const cipher = crypto.createCipheriv(name, aesBytes, nonce);
  if (!name.endsWith('gcm')) return Buffer.concat([cipher.update(text), cipher.final()]);
  cipher.setAAD(Buffer.from('header'));
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

const gcm = {
  mechanism: pk.CKM_AES_GCM,
  parameter: {
    type: pk.CK_PARAMS_AES_GCM,
    iv: iv.subarray(0, 12),
    aad: Buffer.from('header'),
    tagBits: 128,
  },
};
const cbc = { mechanism: pk.CKM_AES_CBC_PAD, parameter: iv };
const aes = find('aes');
const mac = find('mac');

function verify(signature) {
  token.C_VerifyInit(session, { mechanism: pk.CKM_SHA256_HMAC }, mac);
  return token.C_Verify(session, text, signature);
}

function refuses(call, code) {
  try {
    call();
    return false;
  } catch (error) {
    return error.code === code;
  }
}

function gcmRefuses(at, aad) {
  const sealed = encrypt(gcm, aes, text);
  if (at !== undefined) sealed[at] ^= 1;
  const changed = { ...gcm, parameter: { ...gcm.parameter, ...(aad && { aad }) } };
  return refuses(() => decrypt(changed, aes, sealed), pk.CKR_ENCRYPTED_DATA_INVALID);
}

async function main() {
  await check('both keys are found by their labels', () => Boolean(aes && mac));
  await check('the bytes of the key are not given out', () => refuses(
    () => token.C_GetAttributeValue(session, aes, [{ type: pk.CKA_VALUE }]),
    pk.CKR_ATTRIBUTE_SENSITIVE));
  await check('AES-CBC, as node:crypto', () => {
    const sealed = encrypt(cbc, aes, text);
    return sealed.equals(expected('aes-256-cbc', iv)) && decrypt(cbc, aes, sealed).equals(text)
      && encryptInParts(cbc, aes, text).equals(sealed);
  });
  await check('AES-GCM, as node:crypto', () => {
    const sealed = encrypt(gcm, aes, text);
    return sealed.equals(expected('aes-256-gcm', iv.subarray(0, 12)))
      && decrypt(gcm, aes, sealed).equals(text);
  });
  await check('AES-GCM refuses another text', () => gcmRefuses(5));
  await check('AES-GCM refuses another tag', () => gcmRefuses(text.length + 15));
  await check('AES-GCM refuses another header',
    () => gcmRefuses(undefined, Buffer.from('another')));
  await check('HMAC, as node:crypto', () => {
    token.C_SignInit(session, { mechanism: pk.CKM_SHA256_HMAC }, mac);
    const made = token.C_Sign(session, text, Buffer.alloc(32));
    return made.equals(crypto.createHmac('sha256', macBytes).update(text).digest())
      && verify(made) && refuses(() => verify(Buffer.alloc(32)), pk.CKR_SIGNATURE_INVALID);
  });
  for (const name of ['sha256', 'sha512']) {
    await check(`${name}, as node:crypto`, () => {
      token.C_DigestInit(session, { mechanism: pk[`CKM_${name.toUpperCase()}`] });
      const made = token.C_Digest(session, text, Buffer.alloc(64));
      return made.equals(crypto.createHash(name).update(text).digest());
    });
  }
  await check('40 asynchronous calls at once with one key', async () => {
    const calls = Array.from({ length: 40 }, (_, i) => encryptAside(i % 2 ? cbc : gcm, aes, text));
    const right = [expected('aes-256-gcm', iv.subarray(0, 12)), expected('aes-256-cbc', iv)];
    return (await Promise.all(calls)).every((sealed, i) => sealed.equals(right[i % 2]));
  });
  await check('random bytes', () => {
    const one = token.C_GenerateRandom(session, Buffer.alloc(5000));
    const other = token.C_GenerateRandom(session, Buffer.alloc(5000));
    return !one.equals(other) && !one.equals(Buffer.alloc(5000));
  });
  await check('a key is generated, used and destroyed', () => {
    const made = token.C_GenerateKey(session, { mechanism: pk.CKM_AES_KEY_GEN }, [
      { type: pk.CKA_CLASS, value: pk.CKO_SECRET_KEY },
      { type: pk.CKA_KEY_TYPE, value: pk.CKK_AES },
      { type: pk.CKA_VALUE_LEN, value: 32 },
      { type: pk.CKA_TOKEN, value: true },
      { type: pk.CKA_LABEL, value: 'node' },
      ...(readable ? [{ type: pk.CKA_EXTRACTABLE, value: true }] : []),
    ]);
    const sealed = encrypt(cbc, made, text);
    const works = !sealed.equals(text) && decrypt(cbc, made, sealed).equals(text);
    token.C_DestroyObject(session, made);
    return works && !find('node');
  });
}

main().finally(() => {
  token.C_CloseSession(session);
  token.C_Finalize();
  token.close();
  console.log(`1..${number}`);
  process.exitCode = failed ? 1 : 0;
});
