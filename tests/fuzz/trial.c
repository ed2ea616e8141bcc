/* SPDX-License-Identifier: BSD-2-Clause */
#include "trial.h"

#include "arguments.h"
#include "stage.h"
#include "structures.h"

struct trial trial;

CK_RV trial_begin(CK_C_EncryptInit function)
{
	struct input input = trial.parameter;
	struct bytes_argument bytes = structure_parameter(&input, trial.row, trial.other);
	CK_MECHANISM mechanism = {trial.row->type, bytes.bytes, bytes.length};
	CK_RV rv = function(trial.session, &mechanism, trial.key);

	stage_answer(rv);
	arguments_free();
	return rv;
}

bool trial_run(CK_C_EncryptInit init, CK_C_Encrypt function, const uint8_t *in, size_t length,
	       struct room *room)
{
	CK_ULONG asked = 0;
	CK_RV rv = trial_begin(init);

	if (rv != CKR_OK)
		return false;
	rv = function(trial.session, (CK_BYTE *)in, length, NULL, &asked);
	stage_answer(rv);
	if (rv != CKR_OK)
		return false;
	rv = function(trial.session, (CK_BYTE *)in, length, room->bytes, room->length);
	room_check(room, rv);
	MUST(rv != CKR_OK || *room->length <= asked);
	return rv == CKR_OK;
}

struct text trial_text(uint8_t *bytes, size_t length, size_t cut)
{
	return (struct text){bytes, length, cut < length ? cut : length};
}
