/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that the token can do, as operations that are done over and over, each with a result that is
 * known: for tests of what becomes of them when something goes wrong, and of what they leave
 * behind. Of the running module, with the token of guest.h.
 */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include "guest.h"

/* Beside what PKCS#11 answers: CKR_OK was said, and the result is not right; or the token shows
 * less than it has. */
#define SCENE_WRONG (CKR_VENDOR_DEFINED | 0x77726f6eUL)
#define SCENE_FEWER (CKR_VENDOR_DEFINED | 0x66657765UL)

/* The bytes of the keys, and what is digested, encrypted and signed. */
enum { SCENE_TEXT = 3000 };
extern unsigned char scene_secret[32], scene_text[SCENE_TEXT];

struct scene {
	CK_SESSION_HANDLE session;
	/* Keys outside of the session, with bytes that are known. */
	struct token_key frozen, written, mac;
	/* The token's own: one that may be wrapped, and one to derive from. */
	CK_OBJECT_HANDLE extractable, base;
	CK_ULONG objects, mechanisms; /* how many there are */
	/* What the keys are called that operations make. */
	const char *made_label, *new_label;
	/* Others make keys meanwhile: more are found than there were. */
	bool accompanied;
	/* What an operation made, until it destroys it. */
	CK_OBJECT_HANDLE made;
	/* Where it wrote to. */
	unsigned char out[8192];
};

struct scene_row;

struct scene_operation {
	const char *name;
	CK_RV (*run)(struct scene *scene, const struct scene_row *row);
	const struct scene_row *row;
	/* It ends and starts the module: nothing that was made before is there. */
	bool restarts;
	/* Of one that fails, the caller may get no byte of the text. */
	bool sealed;
	/* It makes a key, and destroys it. */
	bool makes;
};

extern const struct scene_operation scene_operations[];
extern const size_t scene_count;

/* The keys, and then the session; they fail the running test. scene_open() is called again by who
 * ended the module. */
void scene_setup(struct scene *scene);
void scene_open(struct scene *scene);
void scene_teardown(struct scene *scene);

/* Whether the operation left a part of the text in the caller's memory. */
bool scene_reveals(const struct scene *scene);

/* Destroys what an operation that failed had made. */
void scene_sweep(struct scene *scene);

/* How many objects of a template a search finds, and of secret keys; and how many keys are linked
 * to the user keyring. */
CK_RV scene_count_of(struct scene *scene, CK_ATTRIBUTE *template, CK_ULONG length, CK_ULONG *count);
CK_RV scene_search(struct scene *scene, CK_ULONG *count);
size_t scene_linked(void);

/* Unlinks the sidecars that are left where looking for one was made to fail, and says how many. */
void scene_drop_sidecars(void);

#endif
