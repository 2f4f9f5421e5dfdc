/* Opening and closing. */
#include "access/access_int.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SESSION_IDLE_S ((int64_t)8 * 3600)
#define SESSION_LIFE_S ((int64_t)24 * 3600)
#define AUDIT_KEEP_S ((int64_t)400 * 86400)

static int64_t clock_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t access_now_us(const struct access *access)
{
	return access->options.clock_us();
}

static void init(struct access *access, const struct access_options *options)
{
	access->options = *options;
	if (!access->options.clock_us)
		access->options.clock_us = clock_us;
	if (!access->options.session_idle_s)
		access->options.session_idle_s = SESSION_IDLE_S;
	if (!access->options.session_life_s)
		access->options.session_life_s = SESSION_LIFE_S;
	if (!access->options.audit_keep_s)
		access->options.audit_keep_s = AUDIT_KEEP_S;
	access->read = options->folder ? &access->own_read : &access->write;
	access->audit.last = &access->audit.first;
	(void)pthread_mutex_init(&access->hash_lock, NULL);
	(void)pthread_mutex_init(&access->wait_lock, NULL);
	(void)pthread_mutex_init(&access->write.lock, NULL);
	(void)pthread_mutex_init(&access->own_read.lock, NULL);
	(void)pthread_mutex_init(&access->audit.lock, NULL);
	(void)pthread_cond_init(&access->audit.news, NULL);
	randombytes_buf(&access->seed, sizeof(access->seed));
}

static enum err_code take_memory(struct access *access, struct error *err)
{
	const char *folder = access->options.folder;

	access->places = calloc(ACCESS_PLACES, sizeof(*access->places));
	access->audit.counts = counts_new();
	if (folder && asprintf(&access->path, "%s/" ACCESS_FILE, folder) < 0)
		access->path = NULL;
	if (!access->places || !access->audit.counts || (folder && !access->path))
		return err_set(err, ERR_MEMORY, "no memory for accounts");
	return ERR_OK;
}

static enum err_code start(struct access *access, struct error *err)
{
	if (pthread_create(&access->thread, NULL, audit_thread, access) != 0)
		return err_set(err, ERR_MEMORY, "the audit log's thread cannot be started");
	access->has_thread = true;
	return ERR_OK;
}

enum err_code access_new(const struct access_options *options, struct access **ret_access, struct error *err)
{
	struct access *access = NULL;

	if (sodium_init() < 0)
		return err_set(err, ERR_IO, "the system gives no random numbers");
	access = calloc(1, sizeof(*access));
	if (!access)
		return err_set(err, ERR_MEMORY, "no memory for accounts");
	init(access, options);
	enum err_code code = take_memory(access, err);

	if (!code)
		code = db_open(access, err);
	if (!code)
		code = start(access, err);
	if (code)
		(void)access_free(access);
	else
		*ret_access = access;
	return code;
}

static void stop(struct access *access)
{
	(void)pthread_mutex_lock(&access->audit.lock);
	access->audit.stops = true;
	(void)pthread_cond_signal(&access->audit.news);
	(void)pthread_mutex_unlock(&access->audit.lock);
	if (access->has_thread)
		(void)pthread_join(access->thread, NULL);
}

struct access *access_free(struct access *access)
{
	if (!access)
		return NULL;
	stop(access);
	db_close(access);
	(void)pthread_cond_destroy(&access->audit.news);
	(void)pthread_mutex_destroy(&access->audit.lock);
	(void)pthread_mutex_destroy(&access->own_read.lock);
	(void)pthread_mutex_destroy(&access->write.lock);
	(void)pthread_mutex_destroy(&access->wait_lock);
	(void)pthread_mutex_destroy(&access->hash_lock);
	if (access->places)
		sodium_memzero(access->places, ACCESS_PLACES * sizeof(*access->places));
	free(access->audit.counts);
	free(access->places);
	free(access->path);
	free(access);
	return NULL;
}
