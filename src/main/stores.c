/* Opening the tenants' stores one after the other. */
#include "main/stores.h"

#include "main/databases.h"
#include "main/folder.h"
#include "main/say.h"

#include <unistd.h>

struct walk {
	const char *only;
	bool writes;
	uint64_t databases;
	enum err_code (*visit)(void *self, struct str tenant, const char *path, struct store *store, struct error *err);
	void *self;
};

static enum err_code open_store(void *self, struct str tenant, const char *path, struct error *err)
{
	struct walk *walk = self;
	struct store *store = NULL;

	if (walk->only && !str_eq(tenant, str_from(walk->only)))
		return ERR_OK;
	walk->databases++;
	enum err_code code =
		store_sqlite_open(&(struct store_options){.path = path, .read_only = !walk->writes}, &store, err);

	if (code == ERR_OK)
		code = walk->visit(walk->self, tenant, path, store, err);
	(void)store_free(store);
	return code ? err_while(err, "looking at %s", path) : ERR_OK;
}

enum exit_status stores_each(const char *data, const char *only, bool writes,
			     enum err_code (*visit)(void *self, struct str tenant, const char *path,
						    struct store *store, struct error *err),
			     void *self)
{
	struct walk walk = {.only = only, .writes = writes, .visit = visit, .self = self};
	struct error err;
	int lock_fd = -1;
	enum err_code code = folder_check_city(data, writes, &err);

	if (code) {
		enum exit_status status = say_error(&err);

		return code == ERR_NOT_FOUND ? EXIT_NO_INPUT : status;
	}
	code = folder_lock(data, false, &lock_fd, &err);
	if (code == ERR_OK)
		code = databases_each(data, open_store, &walk, &err);
	if (lock_fd >= 0)
		(void)close(lock_fd);
	if (code)
		return say_error(&err);
	if (walk.databases == 0 && only && only[0]) {
		say("no tenant \"%s\" in %s", only, data);
		return EXIT_NOT_FOUND;
	}
	if (walk.databases == 0) {
		say("no database in %s", data);
		return EXIT_NO_INPUT;
	}
	return EXIT_GOOD;
}
