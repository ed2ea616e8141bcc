# SPDX-License-Identifier: BSD-2-Clause
"""PyKCS11 with keys of a Linux keyring: an example, and a test whose results are those of hashlib and
openssl for the same bytes. Prints TAP.

kcryptoki.py MODULE AES-KEY-FILE MAC-KEY-FILE [extractable]; the keys have the labels "aes" and "mac".
The last word is for kernels before 6.2, which use no keys but those that can be read.
"""
import hashlib
import hmac
import subprocess
import sys

import PyKCS11 as pk

module, aes_file, mac_file = sys.argv[1:4]
readable = [(pk.CKA_EXTRACTABLE, True)] if len(sys.argv) > 4 else []
text = bytes(range(256)) * 15 + b'and some more'
iv = bytes(range(16))
number = failed = 0


def check(name, test):
    global number, failed
    number += 1
    try:
        passed = test()
    except pk.PyKCS11Error as error:
        print('#', error)
        passed = False
    failed += not passed
    print('ok' if passed else 'not ok', number, '-', name)


def find(label):
    keys = session.findObjects([(pk.CKA_CLASS, pk.CKO_SECRET_KEY), (pk.CKA_LABEL, label)])
    return keys[0] if len(keys) == 1 else None


def value_is_refused():
    return session.getAttributeValue(aes, [pk.CKA_VALUE]) == [None]


def openssl(*arguments):
    key = open(aes_file, 'rb').read().hex()
    command = ['openssl', 'enc', *arguments, '-K', key, '-iv', iv.hex()]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True).stdout


def cbc():
    mechanism = pk.Mechanism(pk.CKM_AES_CBC_PAD, iv)
    sealed = bytes(session.encrypt(aes, text, mechanism))
    return sealed == openssl('-aes-256-cbc') and bytes(
        session.decrypt(aes, sealed, mechanism)) == text


def gcm():
    # GCM encrypts as CTR does, from 2 on behind the 12 bytes of the nonce.
    mechanism = pk.AES_GCM_Mechanism(iv[:12], b'header', 128)
    sealed = bytes(session.encrypt(aes, text, mechanism))
    key = open(aes_file, 'rb').read().hex()
    command = ['openssl', 'enc', '-aes-256-ctr', '-K', key, '-iv', iv[:12].hex() + '00000002']
    expected = subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True).stdout
    if sealed[:-16] != expected:
        return False
    return bytes(session.decrypt(aes, sealed, mechanism)) == text


def tampered_with():
    mechanism = pk.AES_GCM_Mechanism(iv[:12], b'header', 128)
    sealed = bytearray(session.encrypt(aes, text, mechanism))
    sealed[5] ^= 1
    try:
        session.decrypt(aes, bytes(sealed), mechanism)
        return False
    except pk.PyKCS11Error as error:
        return error.value == pk.CKR_ENCRYPTED_DATA_INVALID


def sign():
    mechanism = pk.Mechanism(pk.CKM_SHA256_HMAC, None)
    made = bytes(session.sign(mac, text, mechanism))
    expected = hmac.new(open(mac_file, 'rb').read(), text, hashlib.sha256).digest()
    return made == expected and session.verify(mac, text, made, mechanism)


def digest(mechanism, name):
    made = bytes(session.digest(text, pk.Mechanism(mechanism, None)))
    return made == hashlib.new(name, text).digest()


def random():
    one, other = (bytes(session.generateRandom(5000)) for _ in range(2))
    return len(one) == len(other) == 5000 and one != other


def life():
    made = session.generateKey([
        (pk.CKA_CLASS, pk.CKO_SECRET_KEY), (pk.CKA_KEY_TYPE, pk.CKK_AES), (pk.CKA_VALUE_LEN, 32),
        (pk.CKA_TOKEN, True), (pk.CKA_LABEL, 'python'), *readable,
    ], pk.Mechanism(pk.CKM_AES_KEY_GEN, None))
    mechanism = pk.Mechanism(pk.CKM_AES_CBC_PAD, iv)
    sealed = bytes(session.encrypt(made, text, mechanism))
    works = sealed != text and bytes(session.decrypt(made, sealed, mechanism)) == text
    session.destroyObject(made)
    return works and find('python') is None


token = pk.PyKCS11Lib()
token.load(module)
slot = next(s for s in token.getSlotList(True)
            if token.getTokenInfo(s).label.strip() == 'kernel-user')
session = token.openSession(slot, pk.CKF_SERIAL_SESSION | pk.CKF_RW_SESSION)
aes, mac = find('aes'), find('mac')
check('both keys are found by their labels', lambda: aes is not None and mac is not None)
check('the bytes of the key are not given out', value_is_refused)
check('AES-CBC, as openssl', cbc)
check('AES-GCM, as openssl', gcm)
check('AES-GCM: what was tampered with is refused', tampered_with)
check('HMAC, as hmac', sign)
for kind, name in ((pk.CKM_SHA256, 'sha256'), (pk.CKM_SHA512, 'sha512')):
    check(f'{name}, as hashlib', lambda kind=kind, name=name: digest(kind, name))
check('random bytes', random)
check('a key is generated, used and destroyed', life)
session.closeSession()
print(f'1..{number}')
sys.exit(1 if failed else 0)
