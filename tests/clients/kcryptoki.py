# SPDX-License-Identifier: BSD-2-Clause
"""PyKCS11 with keys of a Linux keyring: an example, and a test whose results are those of hashlib
and openssl for the same bytes. Prints TAP.

kcryptoki.py MODULE AES-KEY-FILE MAC-KEY-FILE [extractable]; the keys have the labels "aes" and
"mac". The last word is for kernels before 6.2, which use no keys but those that can be read.
"""
import hashlib
import hmac
import struct
import subprocess
import sys

import PyKCS11 as pk

module = sys.argv[1]
aes_bytes, mac_bytes = (open(name, 'rb').read() for name in sys.argv[2:4])
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


def openssl(*command):
    return subprocess.run(['openssl', *command], input=text, stdout=subprocess.PIPE,
                          check=True).stdout


def openssl_enc(cipher, iv):
    return openssl('enc', '-' + cipher, '-K', aes_bytes.hex(), '-iv', iv.hex())


def encrypts(mechanism, expected):
    sealed = bytes(session.encrypt(aes, text, mechanism))
    return sealed == expected and bytes(session.decrypt(aes, sealed, mechanism)) == text


def cbc():
    return encrypts(pk.Mechanism(pk.CKM_AES_CBC_PAD, iv), openssl_enc('aes-256-cbc', iv))


def ctr():
    # PyKCS11 1.5.12 has no class for CK_AES_CTR_PARAMS: bits that count, and the first block.
    mechanism = pk.Mechanism(pk.CKM_AES_CTR, struct.pack('@L16s', 128, iv))
    return encrypts(mechanism, openssl_enc('aes-256-ctr', iv))


def gcm():
    # GCM encrypts as CTR does, from 2 on behind the 12 bytes of the nonce; openssl has no command
    # for the tag. PyKCS11 1.5.12 refuses a text of no bytes, and leaves the session busy.
    mechanism = pk.AES_GCM_Mechanism(iv[:12], b'header', 128)
    sealed = bytes(session.encrypt(aes, text, mechanism))
    return (sealed[:-16] == openssl_enc('aes-256-ctr', iv[:12] + bytes([0, 0, 0, 2]))
            and bytes(session.decrypt(aes, sealed, mechanism)) == text)


def gcm_refuses(header=b'header', at=None):
    sealed = bytearray(session.encrypt(aes, text, pk.AES_GCM_Mechanism(iv[:12], b'header', 128)))
    if at is not None:
        sealed[at] ^= 1
    try:
        session.decrypt(aes, bytes(sealed), pk.AES_GCM_Mechanism(iv[:12], header, 128))
        return False
    except pk.PyKCS11Error as error:
        return error.value == pk.CKR_ENCRYPTED_DATA_INVALID


def sign(mechanism, expected):
    made = bytes(session.sign(mac, text, mechanism))
    forged = bytes([made[0] ^ 1]) + made[1:]
    return (made == expected and session.verify(mac, text, made, mechanism)
            and not session.verify(mac, text, forged, mechanism))


def sign_with_aes(mechanism, name, *options):
    expected = openssl('mac', '-binary', '-in', '-', '-macopt', 'hexkey:' + aes_bytes.hex(),
                       *options, name)
    return bytes(session.sign(aes, text, mechanism)) == expected


def cmac():
    return sign_with_aes(pk.Mechanism(pk.CKM_AES_CMAC), 'CMAC', '-cipher', 'AES-256-CBC')


def gmac():
    # It has GCM's parameter, without a header: that is the text.
    mechanism = pk.AES_GCM_Mechanism(iv[:12], b'', 128)
    mechanism.to_native().mechanism = pk.CKM_AES_GMAC
    return sign_with_aes(mechanism, 'GMAC', '-cipher', 'AES-256-GCM', '-macopt',
                         'hexiv:' + iv[:12].hex())


def digest(mechanism, name):
    whole = bytes(session.digest(text, mechanism))
    parts = session.digestSession(mechanism)
    parts.update(text[:100]).update(text[100:])
    return whole == bytes(parts.final()) == hashlib.new(name, text).digest()


def random():
    one, other = (bytes(session.generateRandom(5000)) for _ in range(2))
    return len(one) == len(other) == 5000 and one != other


def life():
    made = session.generateKey([
        (pk.CKA_CLASS, pk.CKO_SECRET_KEY), (pk.CKA_KEY_TYPE, pk.CKK_AES), (pk.CKA_VALUE_LEN, 32),
        (pk.CKA_TOKEN, True), (pk.CKA_LABEL, 'python'), *readable,
    ], pk.Mechanism(pk.CKM_AES_KEY_GEN))
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
check('AES-CTR, as openssl', ctr)
check('AES-GCM, as openssl', gcm)
check('AES-GCM refuses another text', lambda: gcm_refuses(at=5))
check('AES-GCM refuses another tag', lambda: gcm_refuses(at=-1))
check('AES-GCM refuses another header', lambda: gcm_refuses(header=b'another'))
check('AES-CMAC, as openssl', cmac)
check('AES-GMAC, as openssl', gmac)
for kind, keyed, name in ((pk.CKM_SHA_1, pk.CKM_SHA_1_HMAC, 'sha1'),
                          (pk.CKM_SHA256, pk.CKM_SHA256_HMAC, 'sha256'),
                          (pk.CKM_SHA512, pk.CKM_SHA512_HMAC, 'sha512')):
    check(f'{name}, as hashlib', lambda: digest(pk.Mechanism(kind), name))
    check(f'HMAC with {name}, as hmac',
          lambda: sign(pk.Mechanism(keyed), hmac.digest(mac_bytes, text, name)))
check('random bytes', random)
check('a key is generated, used and destroyed', life)
session.closeSession()
print(f'1..{number}')
sys.exit(1 if failed else 0)
