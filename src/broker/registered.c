/* One registration as it is in memory. */
#include "broker/registrations_int.h"

#include <stdlib.h>

static struct registered *make(struct registration *registration, struct str id)
{
	struct registered *one = calloc(1, sizeof(*one) + id.len);

	if (!one)
		return NULL;
	one->figures = source_figures_new();
	if (!one->figures) {
		free(one);
		return NULL;
	}
	atomic_init(&one->references, 1);
	(void)pthread_mutex_init(&one->places, NULL);
	one->registration = registration;
	one->id_bytes = id.len;
	if (id.len)
		memcpy(one->id, id.at, id.len);
	return one;
}

enum err_code registered_new(const struct json *document, const struct context *core, struct registered **ret,
			     struct error *err)
{
	struct registration *registration = NULL;
	enum err_code code = registration_new(document, core, &registration, err);

	if (code != ERR_OK)
		return code;
	struct registered *one = make(registration, json_text(json_get(document, STR("id"))));

	if (one)
		one->locked = registration_is_locked(document);
	if (!one) {
		(void)registration_free(registration);
		return err_set(err, ERR_MEMORY, "no memory for a registration");
	}
	*ret = one;
	return ERR_OK;
}

struct registered *registered_ref(struct registered *one)
{
	(void)atomic_fetch_add(&one->references, 1);
	return one;
}

struct registered *registered_unref(struct registered *one)
{
	if (!one || atomic_fetch_sub(&one->references, 1) != 1)
		return NULL;
	(void)registration_free(one->registration);
	(void)source_figures_unref(one->figures);
	free(one->standing.at);
	(void)pthread_mutex_destroy(&one->places);
	free(one);
	return NULL;
}

struct str registered_id(const struct registered *one)
{
	return (struct str){one->id, one->id_bytes};
}

bool registered_expired(const struct registered *one, int64_t now_us)
{
	return registration_expires_us(one->registration) <= now_us;
}

bool registered_matches(struct registered *one, const struct registration_question *question)
{
	if (!registration_has_places(one->registration))
		return registration_matches(one->registration, question);
	(void)pthread_mutex_lock(&one->places);
	bool matches = registration_matches(one->registration, question);

	(void)pthread_mutex_unlock(&one->places);
	return matches;
}
