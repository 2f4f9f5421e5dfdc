/* Opening and closing the broker: folder, core context, default tenant, context cache. */
#include "base/time_value.h"
#include "broker/broker_int.h"
#include "broker/snapshots_int.h"
#include "broker/source_copies_int.h"
#include "broker/subscriptions_int.h"
#include "seal/seal.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define CONTEXT_KEEP_S 86400u

static int64_t real_time_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

int64_t broker_now_us(const struct broker *broker)
{
	return broker->options.clock_us();
}

enum err_code broker_pseudonym(struct broker *broker, struct str tenant, struct str purpose, struct str text,
			       char ret_digits[static BROKER_PSEUDONYM_DIGITS + 1], struct error *err)
{
	char whole[BROKER_TENANT_NAME_BYTES_MAX + 64];
	int len = snprintf(whole, sizeof(whole), "%.*s:%.*s", STR_FMT(tenant), STR_FMT(purpose));

	static_assert(BROKER_PSEUDONYM_DIGITS == SEAL_PSEUDONYM_DIGITS, "they are the same");
	if (len < 0 || (size_t)len >= sizeof(whole))
		return err_set(err, ERR_LIMIT, "the purpose of a pseudonym is too long");
	return seal_pseudonym(broker->keys, text, (struct str){whole, (size_t)len}, ret_digits, err);
}

struct context *broker_core_context(struct broker *broker)
{
	return broker->core;
}

static enum err_code open_folder(const struct broker *broker, struct error *err)
{
	const char *path = broker->data_path;

	if (!path)
		return ERR_OK;
	if (broker->options.create && !broker->options.read_only && mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "cannot create the folder %s: %s", path, strerror(errno));
	struct stat status;

	if (stat(path, &status) != 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot open the folder %s: %s", path,
			       strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return err_set(err, ERR_INVALID, "%s is not a folder", path);
	return ERR_OK;
}

static enum err_code find_keys(struct broker *broker, struct error *err)
{
	char path[PATH_MAX];

	if (!broker->data_path)
		return seal_keys_new(NULL, &broker->keys, err);
	int len = snprintf(path, sizeof(path), "%s/secret.key", broker->data_path);

	if (len < 0 || (size_t)len >= sizeof(path))
		return err_set(err, ERR_INVALID, "the path %s is too long", broker->data_path);
	return seal_keys_new(path, &broker->keys, err);
}

static enum err_code load_subscriptions(struct broker *broker, struct error *err)
{
	const struct tenant *tenant = tenant_find(broker, STR_NONE);

	broker->contexts_loaded = true;
	if (!tenant || broker->options.read_only)
		return ERR_OK;
	enum err_code code = subscriptions_load(tenant->subscriptions, tenant->store, err);

	return code || !broker->snapshots ? code : snapshots_load(broker->snapshots, STR_NONE, err);
}

static enum err_code start_threads(struct broker *broker, struct error *err)
{
	enum err_code code = broker->snapshots ? snapshots_start(broker->snapshots, err) : ERR_OK;

	return code ? code : sweeper_start(broker->sweeper, err);
}

enum err_code broker_new(const struct broker_options *options, struct broker **ret_broker, struct error *err)
{
	struct broker *broker = calloc(1, sizeof(*broker));

	if (!broker)
		return err_set(err, ERR_MEMORY, "no memory for the broker");
	broker->options = *options;
	(void)pthread_mutex_init(&broker->owed_lock, NULL);
	broker->stale_copies = stale_copies_new();
	tenants_init(broker);
	if (!broker->options.clock_us)
		broker->options.clock_us = real_time_us;
	if (!broker->options.context_keep_s)
		broker->options.context_keep_s = CONTEXT_KEEP_S;
	enum err_code code = broker->stale_copies ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for the broker");

	if (code == ERR_OK && options->data_path) {
		broker->options.data_path = broker->data_path = strdup(options->data_path);
		if (!broker->data_path)
			code = err_set(err, ERR_MEMORY, "no memory for the broker");
	}
	if (code == ERR_OK)
		code = open_folder(broker, err);
	if (code == ERR_OK)
		code = find_keys(broker, err);
	if (code == ERR_OK)
		code = context_core_new(&broker->core, err);
	if (code == ERR_OK)
		code = context_cache_new(broker, &broker->contexts, err);
	if (code == ERR_OK)
		code = entity_maps_new(&broker->maps, err);
	if (code == ERR_OK)
		code = purger_new(broker, &broker->purger, err);
	if (code == ERR_OK)
		code = sweeper_new(broker, &broker->sweeper, err);
	if (code == ERR_OK && options->snapshots && !options->read_only)
		code = snapshots_new(broker, &broker->snapshots, err);
	if (code == ERR_OK)
		code = tenants_open(broker, err);
	if (code == ERR_OK)
		code = context_cache_load(broker->contexts, err);
	if (code == ERR_OK)
		code = load_subscriptions(broker, err);
	if (code == ERR_OK)
		code = start_threads(broker, err);
	if (code != ERR_OK) {
		(void)broker_free(broker);
		return code;
	}
	*ret_broker = broker;
	return ERR_OK;
}

struct broker *broker_free(struct broker *broker)
{
	if (!broker)
		return NULL;
	/* First the threads that write or may still wake somebody, then the stores with what they have yet to write. */
	(void)snapshots_free(broker->snapshots);
	(void)sweeper_free(broker->sweeper);
	if (!broker->options.read_only)
		(void)!broker_subscriptions_flush(broker, NULL); /* figures only */
	(void)purger_free(broker->purger);
	(void)context_cache_free(broker->contexts);
	(void)entity_maps_free(broker->maps);
	tenants_close(broker);
	(void)stale_copies_free(broker->stale_copies);
	(void)seal_keys_free(broker->keys);
	(void)context_unref(broker->core);
	(void)pthread_mutex_destroy(&broker->owed_lock);
	free(broker->data_path);
	free(broker);
	return NULL;
}
