/* Tenants: one store each, opened when it is first asked for and open until the broker goes. The daemon asks for all
 * that there are at its start.
 *
 * Looking up an open tenant takes one short lock. Opening may wait for the disk, so it happens under a lock of its own
 * and those who ask for open tenants do not wait for it. */
#include "base/cleanup.h"
#include "broker/broker_int.h"
#include "broker/registrations_int.h"
#include "broker/snapshots_int.h"
#include "broker/subscriptions_int.h"
#include "store/pack.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool broker_tenant_is_name(struct str name)
{
	if (name.len == 0 || name.len > BROKER_TENANT_NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		      c == '-'))
			return false;
	}
	return true;
}

void tenants_init(struct broker *broker)
{
	struct tenants *tenants = &broker->tenants;

	(void)pthread_mutex_init(&tenants->lock, NULL);
	(void)pthread_mutex_init(&tenants->opening, NULL);
	map_init(&tenants->by_name, (uint64_t)(uintptr_t)broker);
}

void tenants_close(struct broker *broker)
{
	struct tenants *tenants = &broker->tenants;

	for (size_t i = 0; i < tenants->snapshot_count; i++)
		(void)tenant_free(tenants->snapshots[i]);
	for (size_t i = 0; i < tenants->count; i++)
		(void)tenant_free(tenants->list[i]);
	for (struct tenant *next, *place = tenants->gone; place; place = next) { /* their files go at the next start */
		next = place->next_gone;
		(void)tenant_free(place);
	}
	tenants->count = tenants->snapshot_count = 0;
	map_done(&tenants->by_name);
	(void)pthread_mutex_destroy(&tenants->opening);
	(void)pthread_mutex_destroy(&tenants->lock);
}

struct tenant *tenant_find(struct broker *broker, struct str name)
{
	struct tenants *tenants = &broker->tenants;

	(void)pthread_mutex_lock(&tenants->lock);
	struct tenant *tenant = map_get(&tenants->by_name, name);

	(void)pthread_mutex_unlock(&tenants->lock);
	return tenant;
}

struct subscriptions *subscriptions_of(struct broker *broker, struct str name)
{
	struct tenant *tenant = tenant_find(broker, name);

	return tenant ? tenant->subscriptions : NULL;
}

static struct store *find(struct broker *broker, struct str name)
{
	const struct tenant *tenant = tenant_find(broker, name);

	return tenant ? tenant->store : NULL;
}

/* So that a new folder survives a power cut. */
static void sync_folder(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)fsync(fd);
}

static enum err_code make_folder(const struct broker *broker, struct error *err)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s/tenants", broker->data_path);

	if (len < 0 || (size_t)len >= sizeof(path))
		return err_set(err, ERR_INVALID, "the path %s is too long", broker->data_path);
	if (mkdir(path, 0700) == 0)
		sync_folder(broker->data_path);
	else if (errno != EEXIST)
		return err_set(err, ERR_IO, "cannot create the folder %s: %s", path, strerror(errno));
	return ERR_OK;
}

static enum err_code open_store(const struct broker *broker, struct str name, bool create, struct store **ret_store,
				struct error *err)
{
	char path[PATH_MAX];
	int len;

	if (!broker->data_path)
		return create ? store_memory_open(ret_store, err) : ERR_NOT_FOUND;
	if (create && name.len) {
		enum err_code code = make_folder(broker, err);

		if (code != ERR_OK)
			return code;
	}
	if (name.len)
		len = snprintf(path, sizeof(path), "%s/tenants/%.*s.db", broker->data_path, STR_FMT(name));
	else
		len = snprintf(path, sizeof(path), "%s/machi.db", broker->data_path);
	if (len < 0 || (size_t)len >= sizeof(path))
		return err_set(err, ERR_INVALID, "the path %s is too long", broker->data_path);
	struct store_options options = {.path = path,
					.read_only = broker->options.read_only,
					.create = create,
					.cache_bytes_max = broker->options.cache_bytes_max};

	return store_sqlite_open(&options, ret_store, err);
}

size_t broker_rules_for(const struct broker_rule *rules, size_t count, struct str tenant, struct store_rule *ret)
{
	size_t found = 0;

	for (int named = 1; named >= 0; named--)
		for (size_t i = 0; i < count; i++)
			if (str_eq(rules[i].tenant, named ? tenant : STR("*")))
				ret[found++] = rules[i].rule;
	return found;
}

static bool choose_rules(const struct broker_options *options, struct str name, struct tenant *tenant)
{
	if (options->rule_count == 0)
		return true;
	tenant->rules = calloc(options->rule_count, sizeof(*tenant->rules));
	if (!tenant->rules)
		return false;
	tenant->retention.rules = tenant->rules;
	tenant->retention.count = broker_rules_for(options->rules, options->rule_count, name, tenant->rules);
	return true;
}

/* What a snapshot holds stays as long as it does: no rule of retention is meant for it. */
static struct tenant *tenant_new(struct broker *broker, struct str name, struct str snapshot)
{
	struct tenant *tenant = calloc(1, sizeof(*tenant));

	if (!tenant)
		return NULL;
	if (name.len)
		memcpy(tenant->name, name.at, name.len);
	tenant->tenant_bytes = name.len;
	(void)str_find(name, '@', &tenant->tenant_bytes);
	atomic_init(&tenant->uses, 1);
	tenant->snapshot = snapshot.at ? str_to_c(snapshot) : NULL;
	tenant->subscriptions = subscriptions_new(broker);
	tenant->registrations = registrations_new(broker, (struct str){tenant->name, name.len});
	if (tenant->subscriptions && tenant->registrations && !tenant->snapshot == !snapshot.at &&
	    (snapshot.at || choose_rules(&broker->options, name, tenant)))
		return tenant;
	return tenant_free(tenant);
}

/* Before anybody can write to it. Subscriptions of the default tenant need its store for their contexts first. */
static enum err_code load(struct broker *broker, struct tenant *tenant, struct store *store, struct error *err)
{
	enum err_code code = ERR_OK;

	if (broker->options.read_only)
		return ERR_OK;
	if (broker->contexts_loaded)
		code = subscriptions_load(tenant->subscriptions, store, err);
	return code ? code : registrations_load(tenant->registrations, store, err);
}

static bool put_into_list(struct tenants *tenants, struct tenant *tenant)
{
	(void)pthread_mutex_lock(&tenants->lock);
	bool room = !tenant->snapshot || tenants->snapshot_count < BROKER_SNAPSHOTS_MAX;
	bool added = room && map_set(&tenants->by_name, str_from(tenant->name), tenant);

	if (added && tenant->snapshot)
		tenants->snapshots[tenants->snapshot_count++] = tenant;
	else if (added)
		tenants->list[tenants->count++] = tenant;
	(void)pthread_mutex_unlock(&tenants->lock);
	return added;
}

enum err_code tenants_add(struct broker *broker, struct str name, struct str snapshot, struct store *store,
			  struct error *err)
{
	struct tenant *tenant = tenant_new(broker, name, snapshot);
	enum err_code code;

	if (!tenant) {
		(void)store_free(store);
		return err_set(err, ERR_MEMORY, "no memory for a tenant");
	}
	tenant->store = store;
	code = load(broker, tenant, store, err);
	if (code == ERR_OK) {
		store_set_retention(store, &tenant->retention);
		store_set_owner(store, tenant->subscriptions, &subscriptions_calls);
		if (!put_into_list(&broker->tenants, tenant))
			code = err_set(err, ERR_MEMORY, "no memory for a tenant");
	}
	if (code != ERR_OK)
		(void)tenant_free(tenant);
	return code;
}

/* With tenants->opening held. */
static enum err_code open_tenant(struct broker *broker, struct str name, bool create, struct store **ret_store,
				 struct error *err)
{
	struct tenants *tenants = &broker->tenants;
	struct store *store = find(broker, name);

	if (store) {
		*ret_store = store;
		return ERR_OK;
	}
	/* Only this function changes the count, under the lock held. */
	if (tenants->count > BROKER_TENANTS_MAX)
		return err_set(err, ERR_LIMIT, "%d tenants are open already", BROKER_TENANTS_MAX);
	enum err_code code = open_store(broker, name, create, &store, err);

	if (code == ERR_NOT_FOUND && name.len)
		return err_set(err, ERR_TENANT, "there is no tenant \"%.*s\"", STR_FMT(name));
	if (code == ERR_OK && !broker->options.read_only) {
		code = identity_ensure(store, err);
		if (code != ERR_OK)
			(void)store_free(store);
	}
	if (code == ERR_OK)
		code = tenants_add(broker, name, STR_NONE, store, err);
	if (code == ERR_OK && broker->snapshots && broker->contexts_loaded)
		code = snapshots_load(broker->snapshots, name, err);
	if (code == ERR_OK)
		*ret_store = store;
	return code;
}

enum err_code broker_tenant(struct broker *broker, struct str name, bool create, struct store **ret_store,
			    struct error *err)
{
	struct tenants *tenants = &broker->tenants;
	struct store *store = find(broker, name);

	if (store) {
		*ret_store = store;
		return ERR_OK;
	}
	if (str_contains(name, STR("@")))
		return err_set(err, ERR_NOT_FOUND, "the snapshot is not there any more");
	if (!broker_tenant_is_name(name))
		return err_set(err, ERR_INVALID,
			       "a tenant's name has 1 to %d letters, digits, \"_\" or \"-\", not \"%.*s\"",
			       BROKER_TENANT_NAME_BYTES_MAX, STR_FMT(str_part(name, 0, 100)));
	(void)pthread_mutex_lock(&tenants->opening);
	enum err_code code = open_tenant(broker, name, create && !broker->options.read_only, ret_store, err);

	(void)pthread_mutex_unlock(&tenants->opening);
	return code;
}

enum err_code tenants_open(struct broker *broker, struct error *err)
{
	/* A broker in memory always makes its default tenant: there is no other place to find it. */
	bool create = broker->options.create || !broker->data_path;
	struct store *store;

	(void)pthread_mutex_lock(&broker->tenants.opening);
	enum err_code code =
		open_tenant(broker, STR_NONE, create && !(broker->options.read_only && broker->data_path), &store, err);

	(void)pthread_mutex_unlock(&broker->tenants.opening);
	return code;
}
