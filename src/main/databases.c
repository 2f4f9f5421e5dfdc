/* The databases of a city's folder. */
#include "main/databases.h"

#include "base/cleanup.h"
#include "broker/broker.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

static bool is_tenant_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' &&
		    c != '-')
			return false;
	}
	return name.len > 0 && name.len <= BROKER_TENANT_NAME_BYTES_MAX;
}

static bool tenant_of_file(struct str file, struct str *ret_tenant)
{
	if (!str_ends(file, STR(".db")))
		return false;
	*ret_tenant = str_part(file, 0, file.len - 3);
	return is_tenant_name(*ret_tenant);
}

bool databases_is_member(struct str name)
{
	struct str prefix = STR(DATABASES_FOLDER "/"), tenant;

	if (str_eq(name, STR(DATABASES_DEFAULT)))
		return true;
	return str_starts(name, prefix) && tenant_of_file(str_part(name, prefix.len, name.len), &tenant);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char *items[BROKER_TENANTS_MAX];
	size_t count;
};

static enum err_code read_names(DIR *dir, struct names *names, struct error *err)
{
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		struct str tenant;

		if (!tenant_of_file(str_from(entry->d_name), &tenant))
			continue;
		if (names->count == BROKER_TENANTS_MAX)
			return err_set(err, ERR_LIMIT, "more than %u tenants", BROKER_TENANTS_MAX);
		names->items[names->count] = str_to_c(tenant);
		if (!names->items[names->count])
			return err_set(err, ERR_MEMORY, "no memory for tenant names");
		names->count++;
	}
	qsort(names->items, names->count, sizeof(names->items[0]), compare_names);
	return ERR_OK;
}

static enum err_code visit_one(const char *data, const char *folder, const char *file, const char *ending,
			       struct str tenant,
			       enum err_code (*visit)(void *self, struct str tenant, const char *path,
						      struct error *err),
			       void *self, struct error *err)
{
	char path[DATABASES_PATH_BYTES_MAX];
	int len = snprintf(path, sizeof(path), "%s/%s%s%s", data, folder, file, ending);

	if (len < 0 || (size_t)len >= sizeof(path))
		return err_set(err, ERR_INVALID, "folder name longer than %u bytes", DATABASES_PATH_BYTES_MAX - 256);
	if (access(path, F_OK) != 0)
		return ERR_OK;
	return visit(self, tenant, path, err);
}

enum err_code databases_each(const char *data,
			     enum err_code (*visit)(void *self, struct str tenant, const char *path, struct error *err),
			     void *self, struct error *err)
{
	char folder[DATABASES_PATH_BYTES_MAX];
	struct names names = {0};
	enum err_code code = visit_one(data, "", DATABASES_DEFAULT, "", STR(""), visit, self, err);

	(void)snprintf(folder, sizeof(folder), "%s/%s", data, DATABASES_FOLDER);
	DIR *dir = code ? NULL : opendir(folder);

	if (!code && !dir && errno != ENOENT)
		code = err_set(err, ERR_IO, "cannot read folder %s: %s", folder, strerror(errno));
	if (dir) {
		code = read_names(dir, &names, err);
		(void)closedir(dir);
	}
	for (size_t i = 0; i < names.count; i++) {
		if (!code)
			code = visit_one(data, DATABASES_FOLDER "/", names.items[i], ".db", str_from(names.items[i]),
					 visit, self, err);
		free(names.items[i]);
	}
	return code;
}
