/* machi stats and machi pack: what the history of each tenant takes, and putting it into its blocks now. */
#include "base/cleanup.h"
#include "main/command_config.h"
#include "main/command_table.h"
#include "main/folder.h"
#include "main/retention_rule.h"
#include "main/say.h"
#include "main/session.h"
#include "main/stores.h"
#include "store/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- stats ---- */

static uint64_t file_bytes(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static void print_json(struct str tenant, const struct store_history_stats *stats, uint64_t database_bytes)
{
	(void)printf(
		"{\"tenant\":\"%.*s\",\"points\":%" PRIu64 ",\"pointsUnpacked\":%" PRIu64 ",\"historyBytes\":%" PRIu64
		",\"rowsBytes\":%" PRIu64 ",\"blocksBytes\":%" PRIu64 ",\"subjectsBytes\":%" PRIu64
		",\"blocks\":%" PRIu64 ",\"runs\":%" PRIu64 ",\"buckets\":%" PRIu64 ",\"databaseBytes\":%" PRIu64 "}\n",
		STR_FMT(tenant), stats->points, stats->points_unpacked,
		stats->rows_bytes + stats->blocks_bytes + stats->subjects_bytes, stats->rows_bytes, stats->blocks_bytes,
		stats->subjects_bytes, stats->blocks, stats->runs, stats->buckets, database_bytes);
}

static void print_text(struct str tenant, const struct store_history_stats *stats, uint64_t database_bytes)
{
	uint64_t bytes = stats->rows_bytes + stats->blocks_bytes + stats->subjects_bytes;

	(void)printf("%.*s\n", STR_FMT(tenant.len ? tenant : STR("default tenant")));
	(void)printf("  points           %16" PRIu64 "\n", stats->points);
	(void)printf("  not yet packed   %16" PRIu64 "\n", stats->points_unpacked);
	(void)printf("  roll-up buckets  %16" PRIu64 "\n", stats->buckets);
	(void)printf("  history on disk  %16" PRIu64 " bytes", bytes);
	if (stats->points)
		(void)printf(", %.3f a point", (double)bytes / (double)stats->points);
	(void)printf("\n    rows           %16" PRIu64 " bytes\n", stats->rows_bytes);
	(void)printf("    blocks         %16" PRIu64 " bytes (%" PRIu64 " blocks in %" PRIu64 " runs)\n",
		     stats->blocks_bytes, stats->blocks, stats->runs);
	(void)printf("    subjects       %16" PRIu64 " bytes\n", stats->subjects_bytes);
	(void)printf("  database file    %16" PRIu64 " bytes\n", database_bytes);
}

static enum err_code print_stats(void *self, struct str tenant, const char *path, struct store *store,
				 struct error *err)
{
	const bool *json = self;
	struct store_history_stats stats;
	enum err_code code = store_history_stats(store, &stats, err);

	if (code)
		return code;
	if (*json)
		print_json(tenant, &stats, file_bytes(path));
	else
		print_text(tenant, &stats, file_bytes(path));
	return ERR_OK;
}

enum exit_status command_stats(const struct call *call)
{
	bool json = call_has(call, "json");

	return stores_each(session_data(call), call_text(call, "tenant"), false, print_stats, &json);
}

/* ---- pack ---- */

static int64_t clock_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct packing {
	bool alone; /* no daemon has the folder */
	const struct broker_rule *rules; /* what packing goes by */
	size_t rule_count; /* at most SETTING_TEXTS_MAX */
};

static enum err_code pack_store(void *self, struct str tenant, const char *path, struct store *store, struct error *err)
{
	const struct packing *packing = self;
	struct store_pack_result result;
	struct store_rule rules[SETTING_TEXTS_MAX];
	const struct store_retention retention = {rules,
						  broker_rules_for(packing->rules, packing->rule_count, tenant, rules)};

	store_set_retention(store, &retention);
	enum err_code code = store_pack(
		store, &(struct store_pack_options){.now_us = clock_us(), .all = true, .shrink = packing->alone},
		&result, err);

	store_set_retention(store, NULL);
	if (code)
		return code;
	(void)printf("%.*s: %" PRIu64 " points packed into %" PRIu64 " blocks, %" PRIu64 " put together\n",
		     STR_FMT(tenant.len ? tenant : STR("default tenant")), result.points, result.blocks,
		     result.merged_points);
	if (retention.count)
		(void)printf("%.*s: %" PRIu64 " points and %" PRIu64 " buckets were older than they are kept\n",
			     STR_FMT(tenant.len ? tenant : STR("default tenant")), result.expired_points,
			     result.expired_buckets);
	if (result.damaged)
		say("%s: %" PRIu64 " pieces of the history cannot be read and were left as they are; machi check names "
		    "them",
		    path, result.damaged);
	return ERR_OK;
}

/* Without a configuration nothing goes, whatever a daemon would do. */
static enum exit_status find_rules(const struct call *call, struct config **ret_config,
				   struct broker_rule rules[static SETTING_TEXTS_MAX], struct packing *packing)
{
	struct error err;

	if (!call_has(call, "config"))
		return EXIT_GOOD;
	enum exit_status status = config_from_call(call, call_text(call, "config"), NULL, 0, NULL, ret_config);

	if (status != EXIT_GOOD)
		return status;
	if (retention_rules_read(&(*ret_config)->history.rules, rules, &err))
		return say_error(&err);
	packing->rules = rules;
	packing->rule_count = (*ret_config)->history.rules.count;
	return EXIT_GOOD;
}

enum exit_status command_pack(const struct call *call)
{
	struct packing packing = {.alone = false};
	struct config *config = NULL;
	struct broker_rule rules[SETTING_TEXTS_MAX]; /* their texts are those of config */
	int hold_fd = -1;
	enum exit_status status = find_rules(call, &config, rules, &packing);

	if (status != EXIT_GOOD) {
		(void)config_free(config);
		return status;
	}

	/* Who writes the database anew keeps others from writing: not while a daemon runs. */
	packing.alone = folder_hold(session_data(call), &hold_fd, NULL) == ERR_OK;
	status = stores_each(session_data(call), call_text(call, "tenant"), true, pack_store, &packing);
	if (hold_fd >= 0)
		(void)close(hold_fd);
	(void)config_free(config);
	return status;
}
