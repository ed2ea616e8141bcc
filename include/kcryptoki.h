/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What kcryptoki adds to PKCS#11. Include it after a PKCS#11 header.
 *
 * Length-preserving encryption of whole messages, for disk sectors and database pages: each bit of
 * the result depends on each bit of the message. A message has at least 16 bytes; the parameter is
 * a tweak of 32 bytes (pParameter points to it, ulParameterLen is 32). Multi-part calls give
 * nothing back before the final one. Not authenticated.
 */
#ifndef KCRYPTOKI_H
#define KCRYPTOKI_H

/* "KCR": where our numbers begin, in CKM_VENDOR_DEFINED and CKK_VENDOR_DEFINED. */
#define KCRYPTOKI_VENDOR (0x80000000UL | 0x4b435200UL)

/*
 * Adiantum (Crowley and Biggers, "Adiantum: length-preserving encryption for entry-level
 * processors", 2018; linux/crypto/adiantum.c) with XChaCha12 or XChaCha20 and AES-256. Keys of 32
 * bytes, of a type of their own. Also where crypto.af_alg_restrict is 1, for plain users.
 */
#define CKM_KCRYPTOKI_ADIANTUM_XCHACHA12_AES (KCRYPTOKI_VENDOR | 0x01UL)
#define CKM_KCRYPTOKI_ADIANTUM_XCHACHA20_AES (KCRYPTOKI_VENDOR | 0x02UL)
#define CKM_KCRYPTOKI_ADIANTUM_KEY_GEN (KCRYPTOKI_VENDOR | 0x04UL)
#define CKK_KCRYPTOKI_ADIANTUM (KCRYPTOKI_VENDOR | 0x01UL)

/*
 * HCTR2 (Crowley, Huckleberry and Biggers, "Length-preserving encryption with HCTR2", 2021;
 * linux/crypto/hctr2.c) with AES: keys of type CKK_AES. Where the kernel is built with
 * CONFIG_CRYPTO_HCTR2.
 */
#define CKM_KCRYPTOKI_AES_HCTR2 (KCRYPTOKI_VENDOR | 0x03UL)

/*
 * Of every key that is in a keyring: its serial number (CK_ULONG), as keyctl(1) takes it, and its
 * type ("logon", "encrypted", "user", "trusted"; no zero byte at the end). Keys that the process
 * itself holds, session objects all, have neither. In the template of a new token key the type may
 * be given, to choose between logon and encrypted where a master key is configured; bytes that a
 * caller brings become an encrypted key where the kernel does that (CONFIG_USER_DECRYPTED_DATA, or
 * encrypted_keys.user_decrypted_data=1 at its start, which Debian's need), and are
 * CKR_TEMPLATE_INCONSISTENT elsewhere. Their numbers lack the bit CKF_ARRAY_ATTRIBUTE, by which
 * callers know values that are arrays of attributes.
 */
#define KCRYPTOKI_VENDOR_ATTRIBUTE (KCRYPTOKI_VENDOR & ~0x40000000UL)
#define CKA_KCRYPTOKI_KEY_SERIAL (KCRYPTOKI_VENDOR_ATTRIBUTE | 0x01UL)
#define CKA_KCRYPTOKI_KEYRING_TYPE (KCRYPTOKI_VENDOR_ATTRIBUTE | 0x02UL)

/*
 * Of every key that is in a keyring of this machine: whether it is in the token's store, from where
 * kcryptoki(1) brings it back after a reboot (CK_BBOOL). Where this is CK_FALSE it is volatile: it
 * is gone with its keyring, at the next reboot at the latest, though CKA_TOKEN is CK_TRUE. Not to
 * be set. Keys of type logon and user are always volatile, since the kernel gives them out to
 * nobody, or to everybody who would read the store.
 */
#define CKA_KCRYPTOKI_STORED (KCRYPTOKI_VENDOR_ATTRIBUTE | 0x03UL)

/*
 * Of every key that is in a keyring of this machine: who may do what with it now, as a mask of
 * keyctl_setperm(3) (CK_ULONG). In the template of a new key of a keyring: View and Search for its
 * owner, its group and others (no other bits than 0x090909), in addition to what the key gets
 * anyway.
 */
#define CKA_KCRYPTOKI_PERMISSIONS (KCRYPTOKI_VENDOR_ATTRIBUTE | 0x04UL)

#endif
