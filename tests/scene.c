/* SPDX-License-Identifier: BSD-2-Clause */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

#include "made.h"
#include "objects.h"

unsigned char scene_secret[32], scene_text[SCENE_TEXT];

CK_RV scene_count_of(struct scene *s, CK_ATTRIBUTE *template, CK_ULONG length, CK_ULONG *count)
{
	CK_OBJECT_HANDLE found[64];
	CK_RV rv, final;

	rv = token.f->C_FindObjectsInit(s->session, template, length);
	if (rv != CKR_OK)
		return rv;
	rv = token.f->C_FindObjects(s->session, found, 64, count);
	final = token.f->C_FindObjectsFinal(s->session);
	return rv != CKR_OK ? rv : final;
}

CK_RV scene_search(struct scene *scene, CK_ULONG *count)
{
	return scene_count_of(scene, TEMPLATE(IS_SECRET), count);
}

static bool is_sidecar(key_serial_t serial)
{
	char description[512];

	return keyctl_describe(serial, description, sizeof(description)) >= 0 &&
	       strstr(description, ";kcryptoki:");
}

/* But for sidecars: one is left where looking for it failed after its key was destroyed. */
size_t scene_linked(void)
{
	key_serial_t linked[256];
	size_t n = made_linked(linked, 256), keys = 0;

	for (size_t i = 0; i < n; i++)
		keys += !is_sidecar(linked[i]);
	return keys;
}

void scene_drop_sidecars(void)
{
	key_serial_t linked[256];
	size_t n = made_linked(linked, 256), left = 0;

	for (size_t i = 0; i < n; i++)
		left += is_sidecar(linked[i]) &&
			keyctl_unlink(linked[i], KEY_SPEC_USER_KEYRING) == 0;
	if (left)
		print_message("# %zu sidecars were left, and are ignored\n", left);
}

static void make_keys(struct scene *scene)
{
	scene->frozen = guest_key(scene->session, "aes", scene_secret, sizeof(scene_secret), true);
	scene->written =
		guest_key(scene->session, "aes", scene_secret, sizeof(scene_secret), false);
	scene->mac = guest_key(scene->session, "generic-secret", scene_secret, sizeof(scene_secret),
			       true);
	GUEST_RV(made_key(&token, scene->session, "scene extractable", scene_secret,
			  sizeof(scene_secret), MADE_TOKEN | MADE_EXTRACTABLE, &scene->extractable),
		 CKR_OK);
	GUEST_RV(token.f->C_CreateObject(
			 scene->session,
			 TEMPLATE(IS_GENERIC, IS_TRUE(CKA_TOKEN), IS_TRUE(CKA_DERIVE),
				  IS_TRUE(CKA_EXTRACTABLE), IS_TEXT(CKA_LABEL, "scene base"),
				  IS_BYTES(CKA_VALUE, scene_secret, sizeof(scene_secret))),
			 &scene->base),
		 CKR_OK);
}

static CK_OBJECT_HANDLE by_serial(struct scene *scene, key_serial_t serial)
{
	CK_ULONG wanted = (CK_ULONG)serial;

	return objects_the(scene->session, TEMPLATE(IS_SECRET, {CKA_KCRYPTOKI_KEY_SERIAL, &wanted,
								sizeof(wanted)}));
}

void scene_setup(struct scene *scene)
{
	CK_MECHANISM_TYPE *list;

	guest_need_keys();
	if (!made_unread())
		guest_skip("keys that nobody can read cannot be used here");
	guest_fill(scene_secret, sizeof(scene_secret), 1);
	guest_fill(scene_text, sizeof(scene_text), 2);
	*scene = (struct scene){.session = objects_rw_session(),
				.made_label = "scene made",
				.new_label = "scene renamed"};
	make_keys(scene);
	GUEST_RV(scene_search(scene, &scene->objects), CKR_OK);
	GUEST_OK(token_mechanisms(&token, &list, &scene->mechanisms));
	free(list);
}

/* Handles are others after each start. */
void scene_open(struct scene *scene)
{
	scene->session = objects_rw_session();
	scene->frozen.object = by_serial(scene, scene->frozen.serial);
	scene->written.object = by_serial(scene, scene->written.serial);
	scene->mac.object = by_serial(scene, scene->mac.serial);
	scene->extractable =
		objects_the(scene->session, TEMPLATE(IS_TEXT(CKA_LABEL, "scene extractable")));
	scene->base = objects_the(scene->session, TEMPLATE(IS_TEXT(CKA_LABEL, "scene base")));
	scene->made = CK_INVALID_HANDLE;
}

void scene_teardown(struct scene *scene)
{
	objects_destroy(scene->session, scene->extractable);
	objects_destroy(scene->session, scene->base);
	token_key_drop(&scene->frozen);
	token_key_drop(&scene->written);
	token_key_drop(&scene->mac);
	GUEST_RV(token.f->C_CloseSession(scene->session), CKR_OK);
}

bool scene_reveals(const struct scene *scene)
{
	static const unsigned char zeros[8];

	for (size_t i = 0; i + 8 <= sizeof(scene->out); i++)
		if (memcmp(scene->out + i, zeros, 8) == 0)
			continue;
		else if (memmem(scene_text, sizeof(scene_text), scene->out + i, 8) ||
			 memmem(scene_secret, sizeof(scene_secret), scene->out + i, 8))
			return true;
	return false;
}

void scene_sweep(struct scene *scene)
{
	if (scene->made != CK_INVALID_HANDLE)
		token.f->C_DestroyObject(scene->session, scene->made);
	scene->made = CK_INVALID_HANDLE;
}
