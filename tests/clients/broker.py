# SPDX-License-Identifier: BSD-2-Clause
"""Encrypts by AES-CTR with a broker's key, says so, waits for a line, and does so once more: in one
session, whatever befell the broker meanwhile.

broker.py MODULE LABEL INPUT OUTPUT: to OUTPUT.1 and OUTPUT.2
"""
import struct
import sys

import PyKCS11 as pk

module, label, source, output = sys.argv[1:]
library = pk.PyKCS11Lib()
library.load(module)
slot, = (slot for slot in library.getSlotList(tokenPresent=True)
         if library.getTokenInfo(slot).label.strip() == 'kernel-broker')
session = library.openSession(slot)
key, = session.findObjects([(pk.CKA_CLASS, pk.CKO_SECRET_KEY), (pk.CKA_LABEL, label)])
# PyKCS11 1.5.12 has no class for CK_AES_CTR_PARAMS: bits that count, and the first block.
ctr = pk.Mechanism(pk.CKM_AES_CTR, struct.pack('@L16s', 128, bytes(range(16))))
with open(source, 'rb') as file:
    text = file.read()
for number in 1, 2:
    with open('%s.%d' % (output, number), 'wb') as file:
        file.write(bytes(session.encrypt(key, text, ctr)))
    print('done', number, flush=True)
    sys.stdin.readline()
