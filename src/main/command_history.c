/* machi stats and machi pack: what the history of each tenant takes, and putting it into its blocks now. */
#include "base/cleanup.h"
#include "main/command_config.h"
#include "main/command_table.h"
#include "main/databases.h"
#include "main/folder.h"
#include "main/retention_rule.h"
#include "main/say.h"
#include "main/session.h"
#include "store/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct walk {
	bool alone; /* no daemon has the folder */
	const char *only; /* tenant; NULL: all */
	bool json, writes;
	const struct broker_rule *rules; /* what packing goes by */
	size_t rule_count; /* at most SETTING_TEXTS_MAX */
	uint64_t databases;
	enum err_code (*visit)(struct walk *walk, struct str tenant, const char *path, struct store *store,
			       struct error *err);
};

static enum err_code open_database(void *self, struct str tenant, const char *path, struct error *err)
{
	struct walk *walk = self;
	struct store *store = NULL;

	if (walk->only && !str_eq(tenant, str_from(walk->only)))
		return ERR_OK;
	walk->databases++;
	enum err_code code =
		store_sqlite_open(&(struct store_options){.path = path, .read_only = !walk->writes}, &store, err);

	if (code == ERR_OK)
		code = walk->visit(walk, tenant, path, store, err);
	(void)store_free(store);
	return code ? err_while(err, "looking at %s", path) : ERR_OK;
}

/* Every tenant's database, or the one that --tenant names. */
static enum exit_status each_database(struct walk *walk, const struct call *call)
{
	const char *data = session_data(call);
	struct error err;
	int lock_fd = -1;
	enum err_code code = folder_check_city(data, walk->writes, &err);

	walk->only = call_text(call, "tenant");
	if (code) {
		enum exit_status status = say_error(&err);

		return code == ERR_NOT_FOUND ? EXIT_NO_INPUT : status;
	}
	code = folder_lock(data, false, &lock_fd, &err);
	if (code == ERR_OK)
		code = databases_each(data, open_database, walk, &err);
	if (lock_fd >= 0)
		(void)close(lock_fd);
	if (code)
		return say_error(&err);
	if (walk->databases == 0 && walk->only) {
		say("no tenant \"%s\" in %s", walk->only, data);
		return EXIT_NOT_FOUND;
	}
	if (walk->databases == 0) {
		say("no database in %s", data);
		return EXIT_NO_INPUT;
	}
	return EXIT_GOOD;
}

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

static enum err_code print_stats(struct walk *walk, struct str tenant, const char *path, struct store *store,
				 struct error *err)
{
	struct store_history_stats stats;
	enum err_code code = store_history_stats(store, &stats, err);

	if (code)
		return code;
	if (walk->json)
		print_json(tenant, &stats, file_bytes(path));
	else
		print_text(tenant, &stats, file_bytes(path));
	return ERR_OK;
}

enum exit_status command_stats(const struct call *call)
{
	struct walk walk = {.visit = print_stats, .json = call_has(call, "json")};

	return each_database(&walk, call);
}

/* ---- pack ---- */

static int64_t clock_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static enum err_code pack_store(struct walk *walk, struct str tenant, const char *path, struct store *store,
				struct error *err)
{
	struct store_pack_result result;
	struct store_rule rules[SETTING_TEXTS_MAX];
	const struct store_retention retention = {rules,
						  broker_rules_for(walk->rules, walk->rule_count, tenant, rules)};

	store_set_retention(store, &retention);
	enum err_code code = store_pack(
		store, &(struct store_pack_options){.now_us = clock_us(), .all = true, .shrink = walk->alone}, &result,
		err);

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
				   struct broker_rule rules[static SETTING_TEXTS_MAX], struct walk *walk)
{
	struct error err;

	if (!call_has(call, "config"))
		return EXIT_GOOD;
	enum exit_status status = config_from_call(call, call_text(call, "config"), NULL, 0, NULL, ret_config);

	if (status != EXIT_GOOD)
		return status;
	if (retention_rules_read(&(*ret_config)->history.rules, rules, &err))
		return say_error(&err);
	walk->rules = rules;
	walk->rule_count = (*ret_config)->history.rules.count;
	return EXIT_GOOD;
}

enum exit_status command_pack(const struct call *call)
{
	struct walk walk = {.visit = pack_store, .writes = true};
	struct config *config = NULL;
	struct broker_rule rules[SETTING_TEXTS_MAX]; /* their texts are those of config */
	int hold_fd = -1;
	enum exit_status status = find_rules(call, &config, rules, &walk);

	if (status != EXIT_GOOD) {
		(void)config_free(config);
		return status;
	}

	/* Who writes the database anew keeps others from writing: not while a daemon runs. */
	walk.alone = folder_hold(session_data(call), &hold_fd, NULL) == ERR_OK;
	status = each_database(&walk, call);
	if (hold_fd >= 0)
		(void)close(hold_fd);
	(void)config_free(config);
	return status;
}
