// SPDX-License-Identifier: BSD-2-Clause
// Node.js with pkcs11js and keys of a Linux keyring: an example, and a test whose results are those of
// node:crypto for the same bytes. Prints TAP.
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

function check(name, test) {
  let passed = false;
  try {
    passed = test();
  } catch (error) {
    console.log('#', error.message);
  }
  failed += passed ? 0 : 1;
  console.log(`${passed ? 'ok' : 'not ok'} ${++number} - ${name}`);
}

const token = new pk.PKCS11();
token.load(path);
token.C_Initialize();
const slot = token.C_GetSlotList(true)
  .find((id) => token.C_GetTokenInfo(id).label.trim() === 'kernel-user');
const session = token.C_OpenSession(slot, pk.CKF_SERIAL_SESSION | pk.CKF_RW_SESSION);

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

// What node:crypto makes of the same bytes; the tag behind it, where there is one.
function expected(name, nonce) {
  const cipher = crypto.createCipheriv(name, aesBytes, nonce);
  if (!name.endsWith('gcm')) return Buffer.concat([cipher.update(text), cipher.final()]);
  cipher.setAAD(Buffer.from('header'));
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

const gcm = {
  mechanism: pk.CKM_AES_GCM,
  parameter: { type: pk.CK_PARAMS_AES_GCM, iv: iv.subarray(0, 12), aad: Buffer.from('header'), tagBits: 128 },
};
const aes = find('aes');
const mac = find('mac');

function refuses(call, code) {
  try {
    call();
    return false;
  } catch (error) {
    return error.code === code;
  }
}

check('both keys are found by their labels', () => Boolean(aes && mac));
check('the bytes of the key are not given out', () => refuses(
  () => token.C_GetAttributeValue(session, aes, [{ type: pk.CKA_VALUE }]),
  pk.CKR_ATTRIBUTE_SENSITIVE));
check('AES-CBC, as node:crypto', () => {
  const cbc = { mechanism: pk.CKM_AES_CBC_PAD, parameter: iv };
  const sealed = encrypt(cbc, aes, text);
  return sealed.equals(expected('aes-256-cbc', iv)) && decrypt(cbc, aes, sealed).equals(text);
});
check('AES-GCM, as node:crypto', () => {
  const sealed = encrypt(gcm, aes, text);
  return sealed.equals(expected('aes-256-gcm', iv.subarray(0, 12)))
    && decrypt(gcm, aes, sealed).equals(text);
});
check('AES-GCM: what was tampered with is refused', () => {
  const sealed = encrypt(gcm, aes, text);
  sealed[5] ^= 1;
  return refuses(() => decrypt(gcm, aes, sealed), pk.CKR_ENCRYPTED_DATA_INVALID);
});
check('HMAC, as node:crypto', () => {
  token.C_SignInit(session, { mechanism: pk.CKM_SHA256_HMAC }, mac);
  const made = token.C_Sign(session, text, Buffer.alloc(32));
  token.C_VerifyInit(session, { mechanism: pk.CKM_SHA256_HMAC }, mac);
  return made.equals(crypto.createHmac('sha256', macBytes).update(text).digest())
    && token.C_Verify(session, text, made);
});
for (const name of ['sha256', 'sha512']) {
  check(`${name}, as node:crypto`, () => {
    token.C_DigestInit(session, { mechanism: pk[`CKM_${name.toUpperCase()}`] });
    const made = token.C_Digest(session, text, Buffer.alloc(64));
    return made.equals(crypto.createHash(name).update(text).digest());
  });
}
check('random bytes', () => {
  const one = token.C_GenerateRandom(session, Buffer.alloc(5000));
  const other = token.C_GenerateRandom(session, Buffer.alloc(5000));
  return !one.equals(other) && !one.equals(Buffer.alloc(5000));
});
check('a key is generated, used and destroyed', () => {
  const made = token.C_GenerateKey(session, { mechanism: pk.CKM_AES_KEY_GEN }, [
    { type: pk.CKA_CLASS, value: pk.CKO_SECRET_KEY },
    { type: pk.CKA_KEY_TYPE, value: pk.CKK_AES },
    { type: pk.CKA_VALUE_LEN, value: 32 },
    { type: pk.CKA_TOKEN, value: true },
    { type: pk.CKA_LABEL, value: 'node' },
    ...(readable ? [{ type: pk.CKA_EXTRACTABLE, value: true }] : []),
  ]);
  const cbc = { mechanism: pk.CKM_AES_CBC_PAD, parameter: iv };
  const sealed = encrypt(cbc, made, text);
  const works = !sealed.equals(text) && decrypt(cbc, made, sealed).equals(text);
  token.C_DestroyObject(session, made);
  return works && !find('node');
});
token.C_CloseSession(session);
token.C_Finalize();
token.close();
console.log(`1..${number}`);
process.exitCode = failed ? 1 : 0;
