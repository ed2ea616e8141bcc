/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a forked child has of its parent's module: nothing, until it starts the module itself; and
 * what the parent loses by it: nothing.
 */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT_SOCKETS "--count-sockets"
#define FORKS 200
#define TEXT 5000

static unsigned char secret[32], text[TEXT];

/* Operations of the parent's that are under way while it forks. */
struct scene {
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct material material;
	bool ciphers; /* else only the digest is under way */
	unsigned char right[TEXT + GUEST_SLACK], digest[64];
	unsigned char out[TEXT + GUEST_SLACK];
	size_t in, made, digest_length;
};

static void need_scene(void)
{
	guest_need(CKM_SHA_1);
	if (!guest_offers(CKM_AES_CBC_PAD))
		print_message("# digests alone, since CKM_AES_CBC_PAD is not offered\n");
}

/* Encrypts with the key in SESSION of whatever process, where that can be. */
static int encrypts(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
		    const struct scene *scene)
{
	if (!scene->ciphers)
		return 0;
	return guest_run(t, session, key, &scene->material, TOKEN_ENCRYPT, text, TEXT, TOKEN_PLAIN,
			 NULL);
}

static void go_on(struct scene *scene, size_t length)
{
	CK_ULONG n = sizeof(scene->out) - scene->made;

	GUEST_RV(token.f->C_DigestUpdate(scene->session, text + scene->in, length), CKR_OK);
	if (scene->ciphers) {
		GUEST_RV(token.f->C_EncryptUpdate(scene->session, text + scene->in, length,
						  scene->out + scene->made, &n),
			 CKR_OK);
		scene->made += n;
	}
	scene->in += length;
}

static void begin(struct scene *scene, bool frozen)
{
	struct material sha1 = {.type = CKM_SHA_1};
	CK_MECHANISM digest = {CKM_SHA_1, NULL, 0};
	CK_SESSION_HANDLE busy = guest_session();
	struct mechanism_store store;

	memset(scene, 0, sizeof(*scene));
	scene->ciphers = guest_offers(CKM_AES_CBC_PAD);
	scene->session = guest_session();
	scene->key = guest_key(scene->session, "aes", secret, sizeof(secret), frozen);
	scene->material = (struct material){
		.type = CKM_AES_CBC_PAD, .key = secret, .key_length = sizeof(secret)};
	guest_expect(&scene->material, text, TEXT, scene->right);
	scene->digest_length = guest_expect(&sha1, text, TEXT, scene->digest);
	/* One kept socket besides those in use, where sockets are kept. */
	GUEST_OK(guest_run(&token, busy, CK_INVALID_HANDLE, &sha1, TOKEN_DIGEST, text, 100,
			   TOKEN_PLAIN, NULL));
	if (scene->ciphers)
		GUEST_RV(token.f->C_EncryptInit(scene->session,
						guest_mechanism(&store, &scene->material, 0),
						scene->key.object),
			 CKR_OK);
	GUEST_RV(token.f->C_DigestInit(busy, &digest), CKR_OK);
	GUEST_RV(token.f->C_DigestInit(scene->session, &digest), CKR_OK);
	GUEST_RV(token.f->C_CloseSession(busy), CKR_OK);
	go_on(scene, 1001);
}

static void finish(struct scene *scene)
{
	unsigned char digest[64];
	CK_ULONG n, m = sizeof(digest);

	go_on(scene, 2002);
	go_on(scene, TEXT - scene->in);
	if (scene->ciphers) {
		n = sizeof(scene->out) - scene->made;
		GUEST_RV(token.f->C_EncryptFinal(scene->session, scene->out + scene->made, &n),
			 CKR_OK);
		assert_int_equal(scene->made + n, TEXT + 16 - TEXT % 16);
		assert_memory_equal(scene->out, scene->right, scene->made + n);
	}
	GUEST_RV(token.f->C_DigestFinal(scene->session, digest, &m), CKR_OK);
	assert_int_equal(m, scene->digest_length);
	assert_memory_equal(digest, scene->digest, m);
	GUEST_OK(encrypts(&token, scene->session, scene->key.object, scene));
	token_key_drop(&scene->key);
	GUEST_RV(token.f->C_CloseSession(scene->session), CKR_OK);
}

#define REFUSED(call)                                                                \
	do {                                                                         \
		CK_RV rv_ = (call);                                                  \
		if (rv_ != CKR_CRYPTOKI_NOT_INITIALIZED)                             \
			return guest_error(t, "%s: 0x%lx in the child", #call, rv_); \
	} while (0)

/* All functions that the module has, by what the parent handed down. */
static int is_not_initialized(struct token *t, void *argument)
{
	struct scene *scene = argument;
	CK_FUNCTION_LIST_PTR f = t->f;
	CK_SESSION_HANDLE s = scene->session, made;
	CK_OBJECT_HANDLE key = scene->key.object;
	CK_MECHANISM digest = {CKM_SHA_1, NULL, 0};
	unsigned char out[TEXT + GUEST_SLACK];
	CK_ULONG n = sizeof(out);
	CK_MECHANISM_INFO mechanism_info;
	CK_SESSION_INFO session_info;
	CK_TOKEN_INFO token_info;
	CK_SLOT_INFO slot_info;
	CK_INFO info;

	REFUSED(f->C_GetInfo(&info));
	REFUSED(f->C_GetSlotList(CK_TRUE, NULL, &n));
	REFUSED(f->C_GetSlotInfo(t->slot, &slot_info));
	REFUSED(f->C_GetTokenInfo(t->slot, &token_info));
	REFUSED(f->C_GetMechanismList(t->slot, NULL, &n));
	REFUSED(f->C_GetMechanismInfo(t->slot, CKM_SHA_1, &mechanism_info));
	REFUSED(f->C_OpenSession(t->slot, CKF_SERIAL_SESSION, NULL, NULL, &made));
	REFUSED(f->C_GetSessionInfo(s, &session_info));
	REFUSED(f->C_Login(s, CKU_USER, NULL, 0));
	REFUSED(f->C_Logout(s));
	REFUSED(f->C_FindObjectsInit(s, NULL, 0));
	REFUSED(f->C_FindObjects(s, &key, 1, &n));
	REFUSED(f->C_FindObjectsFinal(s));
	REFUSED(f->C_GetAttributeValue(s, key, NULL, 0));
	REFUSED(f->C_DigestInit(s, &digest));
	REFUSED(f->C_DigestUpdate(s, text, 16));
	REFUSED(f->C_Digest(s, text, 16, out, &n));
	REFUSED(f->C_DigestFinal(s, out, &n));
	REFUSED(f->C_EncryptInit(s, NULL, key));
	REFUSED(f->C_EncryptUpdate(s, text, 16, out, &n));
	REFUSED(f->C_Encrypt(s, text, 16, out, &n));
	REFUSED(f->C_EncryptFinal(s, out, &n));
	REFUSED(f->C_DecryptInit(s, NULL, key));
	REFUSED(f->C_DecryptUpdate(s, text, 16, out, &n));
	REFUSED(f->C_Decrypt(s, text, 16, out, &n));
	REFUSED(f->C_DecryptFinal(s, out, &n));
	REFUSED(f->C_SignInit(s, NULL, key));
	REFUSED(f->C_SignUpdate(s, text, 16));
	REFUSED(f->C_Sign(s, text, 16, out, &n));
	REFUSED(f->C_SignFinal(s, out, &n));
	REFUSED(f->C_VerifyInit(s, NULL, key));
	REFUSED(f->C_VerifyUpdate(s, text, 16));
	REFUSED(f->C_Verify(s, text, 16, out, 20));
	REFUSED(f->C_VerifyFinal(s, out, 20));
	REFUSED(f->C_SeedRandom(s, out, 16));
	REFUSED(f->C_GenerateRandom(s, out, 16));
	REFUSED(f->C_CloseSession(s));
	REFUSED(f->C_CloseAllSessions(t->slot));
	REFUSED(f->C_Finalize(NULL));
	return 0;
}

static void test_uninitialized_child(void **state)
{
	struct scene scene;

	need_scene();
	for (int frozen = 0; frozen <= 1; frozen++) {
		begin(&scene, frozen);
		guest_child(is_not_initialized, &scene);
		go_on(&scene, 100);
		guest_child(is_not_initialized, &scene);
		finish(&scene);
	}
}

/* As threads and other languages' libraries do it: no handler of pthread_atfork() runs. */
static void test_bare_clone(void **state)
{
	struct scene scene;
	pid_t child;

	need_scene();
	begin(&scene, true);
	fflush(NULL);
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(is_not_initialized(&token, &scene) == 0 ? 0 : 1);
	guest_reap(child);
	finish(&scene);
}

static int count_sockets(struct token *t, size_t expected, const char *when)
{
	struct alg_sockets sockets;

	belongings_alg_sockets(&sockets);
	return sockets.n == expected ? 0
				     : guest_error(t, "%zu AF_ALG sockets %s, instead of %zu",
						   sockets.n, when, expected);
}

static int starts_afresh(struct token *t, void *argument)
{
	struct scene *scene = argument;
	CK_SESSION_INFO info;
	CK_SESSION_HANDLE session;
	struct token_key key;

	if (token_start(t) != 0 || count_sockets(t, 0, "after C_Initialize in the child") != 0)
		return -1;
	if (t->f->C_GetSessionInfo(scene->session, &info) != CKR_SESSION_HANDLE_INVALID)
		return guest_error(t, "the parent's session is open in the child");
	if (token_session(t, 0, &session) != 0 ||
	    token_key_put(t, session, NULL, "aes", NULL, secret, sizeof(secret), &key) != 0)
		return -1;
	if (encrypts(t, session, key.object, scene) != 0)
		return -1;
	token_key_drop(&key);
	if (t->f->C_Finalize(NULL) != CKR_OK)
		return guest_error(t, "C_Finalize in the child");
	return count_sockets(t, 0, "after C_Finalize in the child");
}

static void test_child_starts(void **state)
{
	struct alg_sockets before, after;
	struct scene scene;
	pid_t child;

	need_scene();
	for (int frozen = 0; frozen <= 1; frozen++) {
		begin(&scene, frozen);
		belongings_alg_sockets(&before);
		assert_in_range(before.n, 2, 64);
		child = guest_fork(starts_afresh, &scene);
		go_on(&scene, 333);
		guest_reap(child);
		belongings_alg_sockets(&after);
		assert_int_equal(before.n, after.n);
		finish(&scene);
	}
}

/* The key of the parent's, by its label, in a child whose process keyring is gone. */
static int finds_the_key(struct token *t, void *argument)
{
	struct scene *scene = argument;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
	CK_ULONG count = 0;

	if (token_start(t) != 0 || token_session(t, 0, &session) != 0 ||
	    token_find(t, session, CKO_SECRET_KEY, "inherited", &object, 1, &count) != 0)
		return -1;
	if (count != 1)
		return guest_error(t, "the key is not found in the child");
	if (encrypts(t, session, object, scene) != 0)
		return -1;
	return t->f->C_Finalize(NULL) == CKR_OK ? 0 : guest_error(t, "C_Finalize in the child");
}

/* In a session that does not possess the user keyring, and that lost what its parent linked. */
static int grandparent(struct token *t, void *argument)
{
	int status = -1;
	pid_t child;

	if (keyctl_join_session_keyring(NULL) < 0)
		return guest_error(t, "keyctl_join_session_keyring: %s", strerror(errno));
	if (token_start(t) != 0)
		return -1;
	/* Without a child's own C_Initialize in between, and with one. */
	child = guest_fork(finds_the_key, argument);
	if (waitpid(child, &status, 0) != child || status != 0)
		return guest_error(t, "the child of the child fails");
	if (t->f->C_Finalize(NULL) != CKR_OK || finds_the_key(t, argument) != 0)
		return -1;
	child = guest_fork(finds_the_key, argument);
	if (waitpid(child, &status, 0) != child || status != 0)
		return guest_error(t, "the second child of the child fails");
	return 0;
}

static void test_possession(void **state)
{
	struct token_key key;
	struct scene scene;

	need_scene();
	begin(&scene, false);
	GUEST_OK(token_key_put(&token, scene.session, NULL, "aes", "inherited", secret,
			       sizeof(secret), &key));
	guest_child(finds_the_key, &scene);
	guest_child(grandparent, &scene);
	token_key_drop(&key);
	finish(&scene);
}

static int keeps_its_own(struct token *t, void *argument)
{
	struct alg_sockets sockets;
	struct stat status, pipe_status;
	int ends[2];

	belongings_alg_sockets(&sockets);
	if (sockets.n < 2 || pipe(ends) != 0 || fstat(ends[0], &pipe_status) != 0)
		return guest_error(t, "too few are inherited, or no pipe");
	/* All but one, which is the module's still. */
	for (size_t i = 1; i < sockets.n; i++)
		if (dup2(ends[0], sockets.fd[i]) < 0)
			return guest_error(t, "dup2: %s", strerror(errno));
	if (token_start(t) != 0)
		return -1;
	if (fcntl(sockets.fd[0], F_GETFD) != -1)
		return guest_error(t, "an inherited socket is open still");
	for (size_t i = 1; i < sockets.n; i++)
		if (fstat(sockets.fd[i], &status) != 0 || status.st_ino != pipe_status.st_ino)
			return guest_error(t, "a descriptor of the program's was closed");
	if (t->f->C_Finalize(NULL) != CKR_OK)
		return guest_error(t, "C_Finalize in the child");
	for (size_t i = 1; i < sockets.n; i++)
		if (fstat(sockets.fd[i], &status) != 0 || status.st_ino != pipe_status.st_ino)
			return guest_error(t, "C_Finalize closed a descriptor of the program's");
	return 0;
}

static void test_reused_descriptors(void **state)
{
	struct scene scene;

	need_scene();
	begin(&scene, true);
	guest_child(keeps_its_own, &scene);
	finish(&scene);
}

/* Threads that work while another forks. */
struct worker {
	pthread_t id;
	struct token token;
	struct scene *scene;
	unsigned long done;
	int result;
};

static atomic_int stop;

static void *work_on(void *argument)
{
	struct worker *worker = argument;
	struct material material = {.type = CKM_SHA_1};
	CK_SESSION_HANDLE session;

	if (guest_offers(CKM_AES_CBC_PAD))
		material = (struct material){
			.type = CKM_AES_CBC_PAD, .key = secret, .key_length = sizeof(secret)};
	while (worker->result == 0 && !atomic_load(&stop)) {
		worker->result = token_session(&worker->token, 0, &session);
		if (worker->result == 0)
			worker->result =
				guest_run(&worker->token, session, worker->scene->key.object,
					  &material, material.key ? TOKEN_ENCRYPT : TOKEN_DIGEST,
					  text, 3000, TOKEN_PLAIN, NULL);
		worker->token.f->C_CloseSession(session);
		worker->done++;
	}
	return NULL;
}

/* No memory is allocated by the test itself: what it compares with is there already. */
static int digests(struct token *t, void *argument)
{
	struct scene *scene = argument;
	CK_MECHANISM digest = {CKM_SHA_1, NULL, 0};
	CK_SESSION_HANDLE session;
	unsigned char out[64];
	CK_ULONG n = sizeof(out);

	if (token_start(t) != 0 || token_session(t, 0, &session) != 0)
		return -1;
	if (t->f->C_DigestInit(session, &digest) != CKR_OK ||
	    t->f->C_Digest(session, text, TEXT, out, &n) != CKR_OK || n != scene->digest_length ||
	    memcmp(out, scene->digest, n))
		return guest_error(t, "wrong digest in the child");
	return t->f->C_Finalize(NULL) == CKR_OK ? 0 : guest_error(t, "C_Finalize in the child");
}

static void *fork_on(void *argument)
{
	struct worker *worker = argument;

	for (; worker->result == 0 && worker->done < FORKS; worker->done++) {
		int status = -1;
		pid_t child = guest_fork(digests, worker->scene);

		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			worker->result = guest_error(&worker->token, "child %lu: status 0x%x",
						     worker->done, status);
	}
	atomic_store(&stop, 1);
	return NULL;
}

static void test_fork_while_others_work(void **state)
{
	struct worker workers[4];
	struct scene scene;
	int result = 0;

	need_scene();
#ifdef __SANITIZE_ADDRESS__
	guest_skip("AddressSanitizer's malloc() may be locked for ever in a child of threads");
#endif
	begin(&scene, true);
	atomic_store(&stop, 0);
	for (size_t i = 0; i < 4; i++) {
		workers[i] = (struct worker){.token = token, .scene = &scene};
		assert_int_equal(pthread_create(&workers[i].id, NULL, i == 3 ? fork_on : work_on,
						&workers[i]),
				 0);
	}
	for (size_t i = 0; i < 4; i++)
		pthread_join(workers[i].id, NULL);
	for (size_t i = 0; i < 4; i++) {
		if (workers[i].result != 0)
			print_message("# the thread that %s: %s\n", i == 3 ? "forks" : "works",
				      workers[i].token.error);
		result |= workers[i].result;
	}
	assert_int_equal(result, 0);
	print_message("# %lu forks during %lu operations\n", workers[3].done,
		      workers[0].done + workers[1].done + workers[2].done);
	finish(&scene);
}

static int exec_self(struct token *t, void *argument)
{
	execl("/proc/self/exe", "test-fork", COUNT_SOCKETS, (char *)NULL);
	return guest_error(t, "execl: %s", strerror(errno));
}

static void test_exec(void **state)
{
	struct scene scene;
	pid_t child;

	need_scene();
	begin(&scene, true);
	guest_child(exec_self, NULL);
	fflush(NULL);
	child = vfork();
	if (child == 0) {
		execl("/proc/self/exe", "test-fork", COUNT_SOCKETS, (char *)NULL);
		_exit(1);
	}
	guest_reap(child);
	finish(&scene);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uninitialized_child),
		cmocka_unit_test(test_bare_clone),
		cmocka_unit_test(test_child_starts),
		cmocka_unit_test(test_possession),
		cmocka_unit_test(test_reused_descriptors),
		cmocka_unit_test(test_fork_while_others_work),
		cmocka_unit_test(test_exec),
	};
	struct alg_sockets sockets;

	if (argc == 2 && strcmp(argv[1], COUNT_SOCKETS) == 0) {
		belongings_alg_sockets(&sockets);
		return (int)sockets.n;
	}
	guest_fill(secret, sizeof(secret), 3);
	guest_fill(text, sizeof(text), 4);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, guest_teardown);
}
