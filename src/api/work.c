/* Work that may wait: for the disk that accounts are on, for the hash of a password. One thread does it in the order in
 * which it came, so that a hash's memory is taken once; loops go on meanwhile. */
#include "api/api_int.h"

#include <stdlib.h>

#define WORKS_MAX 64u /* that wait */

struct work {
	struct call *call;
	enum err_code (*run)(struct call *call);
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t news;
	struct work queue[WORKS_MAX]; /* a ring */
	size_t first, count;
	bool stops;
};

static bool take(struct worker *worker, struct work *ret)
{
	(void)pthread_mutex_lock(&worker->lock);
	while (worker->count == 0 && !worker->stops)
		(void)pthread_cond_wait(&worker->news, &worker->lock);
	bool some = worker->count > 0;

	if (some) {
		*ret = worker->queue[worker->first];
		worker->first = (worker->first + 1) % WORKS_MAX;
		worker->count--;
	}
	(void)pthread_mutex_unlock(&worker->lock);
	return some;
}

static void *run(void *self)
{
	struct work work;

	while (take(self, &work))
		call_ended(work.call, work.run(work.call), NULL);
	return NULL;
}

void call_work(struct call *call, enum err_code (*work)(struct call *call), void (*answer)(struct call *call))
{
	struct worker *worker = call->api->worker;

	(void)pthread_mutex_lock(&worker->lock);
	bool full = worker->count == WORKS_MAX;

	if (!full)
		worker->queue[(worker->first + worker->count++) % WORKS_MAX] = (struct work){call, work};
	(void)pthread_cond_signal(&worker->news);
	(void)pthread_mutex_unlock(&worker->lock);
	if (full) {
		(void)http_response_header(call->request, "Retry-After", STR("1"));
		answer_problem(call, PROBLEM_UNAVAILABLE, "%u requests about accounts wait already", WORKS_MAX);
	} else {
		call_wait(call, answer);
	}
}

enum err_code worker_new(struct worker **ret_worker, struct error *err)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return err_set(err, ERR_MEMORY, "no memory for the api's thread");
	(void)pthread_mutex_init(&worker->lock, NULL);
	(void)pthread_cond_init(&worker->news, NULL);
	if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
		(void)pthread_cond_destroy(&worker->news);
		(void)pthread_mutex_destroy(&worker->lock);
		free(worker);
		return err_set(err, ERR_MEMORY, "the api's thread cannot be started");
	}
	*ret_worker = worker;
	return ERR_OK;
}

struct worker *worker_free(struct worker *worker)
{
	if (!worker)
		return NULL;
	(void)pthread_mutex_lock(&worker->lock);
	worker->stops = true;
	(void)pthread_cond_signal(&worker->news);
	(void)pthread_mutex_unlock(&worker->lock);
	(void)pthread_join(worker->thread, NULL);
	(void)pthread_cond_destroy(&worker->news);
	(void)pthread_mutex_destroy(&worker->lock);
	free(worker);
	return NULL;
}
