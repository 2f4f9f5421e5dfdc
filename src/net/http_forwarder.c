/* A thread with a sender of its own.
 *
 * Posts wait in one queue under a lock; the thread takes it whole, gives it to the sender and runs that until something
 * happens. Only who finds the queue empty wakes the thread, which takes along what comes later. No wake is lost: it is
 * written when the post is in the queue, and the queue is taken when the wake was read. It is written under the lock,
 * or the sender could be gone by then. */
#include "net/http_forwarder.h"

#include "base/cleanup.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define FORWARDER_RUN_MS 60000u /* a wake ends it */
#define FORWARDER_STUCK_MS 20 /* between two tries when libcurl has no memory */

struct http_forwarder {
	struct http_sender *sender; /* the thread's, but for waking it */
	pthread_t thread;
	pthread_mutex_t lock; /* guards the following */
	struct http_post *first, *last; /* given, not yet taken by the thread */
	uint32_t waiting; /* so many */
	uint32_t taken; /* that the sender had at the thread's last turn */
	bool closing;
};

enum err_code http_forwarder_send(struct http_forwarder *forwarder, struct http_post *const *posts, size_t count,
				  struct error *err)
{
	enum err_code code = ERR_OK;

	(void)pthread_mutex_lock(&forwarder->lock);
	assert(forwarder->waiting + forwarder->taken <= HTTP_SENDER_POSTS_MAX);
	bool was_empty = !forwarder->first;

	if (forwarder->closing)
		code = err_set(err, ERR_CONFLICT, "the forwarder is being closed");
	else if (count > HTTP_SENDER_POSTS_MAX - forwarder->waiting - forwarder->taken)
		code = err_set(err, ERR_LIMIT, "more than %u requests to others have not ended yet",
			       HTTP_SENDER_POSTS_MAX);
	for (size_t i = 0; code == ERR_OK && i < count; i++) {
		posts[i]->next = NULL;
		*(forwarder->first ? &forwarder->last->next : &forwarder->first) = posts[i];
		forwarder->last = posts[i];
		forwarder->waiting++;
	}
	if (was_empty && forwarder->first)
		http_sender_wake(forwarder->sender);
	(void)pthread_mutex_unlock(&forwarder->lock);
	return code;
}

/* ---- the thread ---- */

static void give(struct http_forwarder *forwarder, struct http_post *post)
{
	struct http_post_result result = {0};

	result.code = http_sender_post(forwarder->sender, post, &result.error);
	if (result.code != ERR_OK)
		post->done(post, &result);
}

/* Gives what waits to the sender. False: the end has come. */
static bool take(struct http_forwarder *forwarder)
{
	(void)pthread_mutex_lock(&forwarder->lock);
	struct http_post *post = TAKE(forwarder->first);
	bool closing = forwarder->closing;

	forwarder->taken = http_sender_count(forwarder->sender) + forwarder->waiting;
	forwarder->waiting = 0;
	(void)pthread_mutex_unlock(&forwarder->lock);
	while (post) {
		struct http_post *next = post->next;

		give(forwarder, post);
		post = next;
	}
	return !closing;
}

static void *forwarder_main(void *self)
{
	const struct timespec while_stuck = {.tv_nsec = FORWARDER_STUCK_MS * 1000000L};
	struct http_forwarder *forwarder = self;
	struct error err;

	while (take(forwarder))
		if (http_sender_run(forwarder->sender, FORWARDER_RUN_MS, &err) != ERR_OK)
			(void)nanosleep(&while_stuck, NULL);
	(void)http_sender_free(forwarder->sender);
	return NULL;
}

/* ---- beginning and end ---- */

enum err_code http_forwarder_new(const struct http_sender_options *options, struct http_forwarder **ret_forwarder,
				 struct error *err)
{
	CLEANUP_MEMORY struct http_forwarder *forwarder = calloc(1, sizeof(*forwarder));

	if (!forwarder)
		return err_set(err, ERR_MEMORY, "no memory for a forwarder");
	enum err_code code = http_sender_new(options, &forwarder->sender, err);

	if (code != ERR_OK)
		return code;
	(void)pthread_mutex_init(&forwarder->lock, NULL);
	int refused = pthread_create(&forwarder->thread, NULL, forwarder_main, forwarder);

	if (refused) {
		(void)http_sender_free(forwarder->sender);
		(void)pthread_mutex_destroy(&forwarder->lock);
		return err_set(err, ERR_IO, "cannot start the forwarder's thread: %s", strerrordesc_np(refused));
	}
	(void)pthread_setname_np(forwarder->thread, "forwarder");
	*ret_forwarder = TAKE(forwarder);
	return ERR_OK;
}

struct http_forwarder *http_forwarder_free(struct http_forwarder *forwarder)
{
	if (!forwarder)
		return NULL;
	assert(!pthread_equal(pthread_self(), forwarder->thread));
	(void)pthread_mutex_lock(&forwarder->lock);
	forwarder->closing = true;
	http_sender_wake(forwarder->sender);
	(void)pthread_mutex_unlock(&forwarder->lock);
	(void)pthread_join(forwarder->thread, NULL);
	(void)pthread_mutex_destroy(&forwarder->lock);
	free(forwarder);
	return NULL;
}
