/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/alg.h"
#include "kernel/broker.h"
#include "kernel/log.h"
#include "mech/mechanism.h"
#include "mech/rv.h"
#include "token/lock.h"

static struct slot slots[TOKENS_MAX];
static _Atomic CK_ULONG offered;

static CK_RV offer(const struct token_config *token, CK_SLOT_ID id, bool has_sockets)
{
	struct slot *slot = &slots[offered];
	struct broker *broker = *token->broker ? broker_add(token->broker) : NULL;

	if (!token->usable || (*token->broker ? !broker : !has_sockets))
		return CKR_OK;
	*slot = (struct slot){
		.id = id,
		.label = token->label,
		.serial = token->serial,
		.description = token->description,
		.keyring = &token->keyring,
		.broker = broker,
		.master = *token->master ? token->master : NULL,
		.create = token->create,
		.store = *token->store ? token->store : NULL,
		.profile = object_profile(slot),
	};
	offered++;
	return slot->profile ? object_publish(slot->profile) : CKR_HOST_MEMORY;
}

const char *slots_obstacle(int err)
{
	switch (err) {
	case -EAFNOSUPPORT:
		return " (the kernel is built without CONFIG_CRYPTO_USER_API_*, the module af_alg "
		       "cannot be loaded, crypto.af_alg_restrict is 2, or the service's "
		       "RestrictAddressFamilies= lacks AF_ALG)";
	case -EPERM:
	case -EACCES:
		return " (a seccomp filter forbids them, as a container's usual one does, or a "
		       "security module; the socket of a broker, kcryptokid(8), would do)";
	default:
		return "";
	}
}

CK_RV slots_start(const struct config *config)
{
	int err = alg_probe();
	CK_RV rv = CKR_OK;

	offered = 0;
	/* This passes; without a slot the module would be useless until it is started again. */
	if (err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -ENOBUFS) {
		log_line("cannot start: no AF_ALG socket can be opened now: %s", strerror(-err));
		return CKR_HOST_MEMORY;
	}
	for (size_t i = 0; i < config->n_tokens && rv == CKR_OK; i++)
		rv = offer(&config->tokens[i], i, !err);
	if (err)
		log_line("%s: this process cannot open AF_ALG sockets: %s%s",
			 offered ? "no slots but a broker's" : "no slots", strerror(-err),
			 slots_obstacle(err));
	if (rv != CKR_OK)
		slots_stop();
	return rv;
}

void slots_stop(void)
{
	for (size_t i = 0; i < offered; i++) {
		inventory_clear(&slots[i].inventory);
		if (slots[i].profile)
			object_withdraw(slots[i].profile);
		slots[i].profile = NULL;
		slots[i].login = LOGIN_NONE;
	}
	offered = 0;
	brokers_forget();
}

void slots_abandon(void)
{
	memset(slots, 0, sizeof(slots));
	offered = 0;
	brokers_forget();
}

CK_ULONG slots_count(void)
{
	return offered;
}

struct slot *slot_find(CK_SLOT_ID id)
{
	for (size_t i = 0; i < offered; i++)
		if (slots[i].id == id)
			return &slots[i];
	return NULL;
}

void blank_padded(CK_UTF8CHAR *field, size_t size, const char *text)
{
	size_t len = strlen(text);

	memset(field, ' ', size);
	memcpy(field, text, len < size ? len : size);
}

CK_RV slot_list(CK_SLOT_ID *list, CK_ULONG *count)
{
	CK_ULONG room = *count;

	*count = offered;
	if (!list)
		return CKR_OK;
	if (room < offered)
		return CKR_BUFFER_TOO_SMALL;
	for (size_t i = 0; i < offered; i++)
		list[i] = slots[i].id;
	return CKR_OK;
}

void slot_info(const struct slot *slot, CK_SLOT_INFO *info)
{
	memset(info, 0, sizeof(*info));
	blank_padded(info->slotDescription, sizeof(info->slotDescription), slot->description);
	blank_padded(info->manufacturerID, sizeof(info->manufacturerID), "kcryptoki");
	info->flags = CKF_TOKEN_PRESENT;
}

void slot_token_info(const struct slot *slot, CK_TOKEN_INFO *info)
{
	memset(info, 0, sizeof(*info));
	blank_padded(info->label, sizeof(info->label), slot->label);
	blank_padded(info->manufacturerID, sizeof(info->manufacturerID), "kcryptoki");
	blank_padded(info->model, sizeof(info->model),
		     slot->broker ? "Linux broker" : "Linux keyring");
	blank_padded(info->serialNumber, sizeof(info->serialNumber), slot->serial);
	blank_padded(info->utcTime, sizeof(info->utcTime), "");
	info->flags = CKF_RNG | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED |
		      CKF_DUAL_CRYPTO_OPERATIONS;
	if (slot->broker)
		info->flags |= CKF_WRITE_PROTECTED;
	info->ulMaxSessionCount = CK_EFFECTIVELY_INFINITE;
	info->ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE;
	/* Any PIN is taken: who may use a key is the kernel's decision. */
	info->ulMaxPinLen = 255;
	info->ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION;
	info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
	lock();
	info->ulSessionCount = slot->sessions;
	info->ulRwSessionCount = slot->rw_sessions;
	unlock();
}

CK_RV slot_mechanisms(CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_ULONG room = *count, n = 0;

	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row;
		int answer = mechanism_choose(mechanisms[i].type, &row);

		/* A list that is short for want of descriptors, say, would be taken as true. */
		if (answer < 0 && answer != -EAFNOSUPPORT)
			return rv_of_open(answer, mechanisms[i].name);
		if (answer <= 0)
			continue;
		if (list && n < room)
			list[n] = mechanisms[i].type;
		n++;
	}
	*count = n;
	return list && n > room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

CK_RV slot_mechanism_info(CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	const struct mechanism *row;
	int answer = mechanism_choose(type, &row);

	if (!row)
		return CKR_MECHANISM_INVALID;
	if (answer < 0)
		return rv_of_open(answer, row->name);
	info->ulMinKeySize = row->key_min * (row->key_in_bits ? 8 : 1);
	info->ulMaxKeySize = row->key_max * (row->key_in_bits ? 8 : 1);
	info->flags = mechanism_flags(row);
	return CKR_OK;
}

int slot_keyring(const struct slot *slot)
{
	return place_resolve(slot->keyring);
}

CK_RV slot_look(struct slot *slot, struct object ***list, size_t *count)
{
	int keyring = slot->broker ? 0 : slot_keyring(slot);
	CK_RV rv;

	*list = NULL;
	*count = 0;
	if (keyring == -ENOMEM)
		return CKR_HOST_MEMORY;
	if (keyring < 0 && !rv_is_barred(keyring))
		return rv_of_run(keyring, "a keyring");
	if (keyring < 0) {
		log_line("%s shows no objects: its keyring cannot be reached: %s%s", slot->label,
			 strerror(-keyring),
			 keyring == -EPERM
				 ? " (a seccomp filter forbids keyctl(2): a container's, or the "
				   "service's SystemCallFilter= lacks @keyring)"
				 : "");
		return CKR_OK;
	}
	rv = inventory_look(&slot->inventory, slot, keyring, list, count);
	if (rv == CKR_OK && slot->broker && !*count)
		log_line("%s shows no keys: the broker at %s has none for this user, or its kernel "
			 "takes no serial numbers of keys (ALG_SET_KEY_BY_KEY_SERIAL, Linux 6.2)",
			 slot->label, broker_path(slot->broker));
	return rv;
}

CK_RV slot_object(struct slot *slot, int32_t serial, struct object **object)
{
	struct object **list;
	size_t count;
	CK_RV rv = slot_look(slot, &list, &count);

	if (rv != CKR_OK)
		return rv;
	for (size_t i = 0; i < count; i++)
		object_put(list[i]);
	free(list);
	*object = inventory_find(&slot->inventory, serial);
	return *object ? CKR_OK : CKR_DEVICE_ERROR;
}
