/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GMAC (NIST SP 800-38D, section 3): the tag of GCM over AAD alone, by algif_aead. The kernel gives
 * the AAD back before the tag, so that it is received over our own copy of it.
 */
#include "kernel/alg.h"
#include "kernel/receive.h"
#include "mech/engine.h"
#include "mech/gather.h"

static CK_RV measure(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		     size_t capacity, size_t *out_len)
{
	size_t data = operation->text_len + in_len;
	size_t request = data + operation->parameter.tag_size;

	if (data < in_len || request < data || data > UINT32_MAX)
		return CKR_DATA_LEN_RANGE;
	*out_len = last ? operation->parameter.tag_size : 0;
	return gather_fits(operation, data, request);
}

static CK_RV move(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		  uint8_t *out, size_t *out_len)
{
	struct alg_request request = operation_request(operation);
	struct iovec iov[2];
	CK_RV rv = gather(operation, in, in_len);
	int n, err;

	if (rv != CKR_OK || !last)
		return rv;
	*out_len = operation->parameter.tag_size;
	request.aad_len = (uint32_t)operation->text_len;
	n = alg_add(iov, 0, operation->text, operation->text_len);
	operation->clean = false;
	err = alg_send(operation->socket->fd, &request, iov, n, false);
	n = alg_add(iov, n, out, *out_len);
	if (!err)
		err = receive(operation->socket->fd, iov, n, operation->text_len + *out_len);
	operation->clean = !err;
	return gather_rv(operation, err, operation->text_len);
}

const struct engine gmac_engine = {.measure = measure, .move = move};
