/* What only a source is to see lies sealed in a registration's record: in place of the "value" of a pair of
 * contextSourceInfo stands "sealed". It is sealed for this registration and this key, so that one cannot be put in the
 * place of another. Records from before that have plain values, which count as to be sealed. */
#include "broker/registrations_int.h"
#include "seal/seal.h"

#define INFO STR("contextSourceInfo")
#define SEALED STR(REGISTRATION_SEALED)
#define VALUE STR("value")

struct sealing {
	struct broker *broker;
	struct arena *arena;
	struct str id; /* of the registration */
	struct registration_record *record; /* of what is opened */
	struct error *err;
};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for what a registration keeps secret");
}

/* An id is a URI, so that no two of these are the same text for different parts. */
static struct str purpose_of(const struct sealing *s, const struct json *pair)
{
	static const char form[] = "contextSourceInfo";
	struct str key = json_text(json_get(pair, STR("key")));
	size_t len = sizeof(form) + s->id.len + 1 + key.len;
	char *text = arena_bytes(s->arena, len, 1);

	if (!text)
		return STR_NONE;
	memcpy(text, form, sizeof(form)); /* with its NUL */
	if (s->id.len)
		memcpy(text + sizeof(form), s->id.at, s->id.len);
	text[sizeof(form) + s->id.len] = '\0';
	if (key.len)
		memcpy(text + sizeof(form) + s->id.len + 1, key.at, key.len);
	return (struct str){text, len};
}

/* Whatever is wrong with the key is no fault of who asks. */
static enum err_code no_seal(struct error *err)
{
	if (err->code != ERR_MEMORY && err->code != ERR_LIMIT)
		err->code = ERR_IO;
	return err_while(err, "sealing contextSourceInfo");
}

static enum err_code seal_pair(const struct sealing *s, struct json *pair)
{
	struct str purpose, sealed;

	if (json_get(pair, SEALED)) {
		(void)json_remove(pair, VALUE); /* it could not be opened: only "***" */
		return ERR_OK;
	}
	if (!registration_pair_is_private(pair))
		return ERR_OK;
	purpose = purpose_of(s, pair);
	if (!purpose.at)
		return no_memory(s->err);
	enum err_code code =
		seal(s->broker->keys, json_text(json_get(pair, VALUE)), purpose, s->arena, &sealed, s->err);

	if (code != ERR_OK)
		return no_seal(s->err);
	(void)json_remove(pair, VALUE);
	return json_set(s->arena, pair, SEALED, json_string(sealed)) ? ERR_OK : no_memory(s->err);
}

/* The pair is shown hidden, and its source cannot be used. */
static enum err_code lock_pair(const struct sealing *s, struct json *pair, const struct error *why)
{
	if (!s->record->locked) {
		s->record->why = *why;
		(void)err_while(&s->record->why, "opening %.*s of its contextSourceInfo",
				STR_FMT(str_part(json_text(json_get(pair, STR("key"))), 0, 60)));
	}
	s->record->locked = true;
	return json_set(s->arena, pair, VALUE, json_string(STR(REGISTRATION_HIDDEN))) ? ERR_OK : no_memory(s->err);
}

static enum err_code open_pair(const struct sealing *s, struct json *pair)
{
	struct str sealed = json_text(json_get(pair, SEALED)), secret = STR_NONE, purpose;
	struct error why;

	if (!sealed.at) {
		s->record->plain = s->record->plain || registration_pair_is_private(pair);
		return ERR_OK;
	}
	purpose = purpose_of(s, pair);
	if (!purpose.at)
		return no_memory(s->err);
	enum err_code code = seal_open(s->broker->keys, sealed, purpose, s->arena, &secret, &why);

	if (code == ERR_MEMORY)
		return no_memory(s->err);
	if (code != ERR_OK)
		return lock_pair(s, pair, &why);
	s->record->plain = s->record->plain || !seal_is_current(s->broker->keys, sealed);
	(void)json_remove(pair, SEALED);
	return json_set(s->arena, pair, VALUE, json_string(secret)) ? ERR_OK : no_memory(s->err);
}

/* The document with a copy of each pair that `change` may change. */
static enum err_code change_pairs(const struct sealing *s, const struct json *document,
				  enum err_code (*change)(const struct sealing *s, struct json *pair),
				  const struct json **ret)
{
	const struct json *list = json_get(document, INFO);
	enum err_code code = ERR_OK;

	*ret = document;
	if (!json_is(list, JSON_ARRAY) || list->count == 0)
		return ERR_OK;
	struct json *copy = json_dup_nodes(s->arena, document), *pairs = json_get(copy, INFO);

	if (!copy)
		return no_memory(s->err);
	for (uint32_t i = 0; code == ERR_OK && i < pairs->count; i++)
		code = change(s, &pairs->items[i]);
	*ret = copy;
	return code;
}

enum err_code registration_seal(struct broker *broker, struct arena *arena, const struct json *document,
				const struct json **ret, struct error *err)
{
	const struct sealing s = {broker, arena, json_text(json_get(document, STR("id"))), NULL, err};

	return change_pairs(&s, document, seal_pair, ret);
}

enum err_code registration_open(struct broker *broker, struct arena *arena, struct registration_record *record,
				struct error *err)
{
	const struct sealing s = {broker, arena, json_text(json_get(record->document, STR("id"))), record, err};

	return change_pairs(&s, record->document, open_pair, &record->document);
}

bool registration_is_locked(const struct json *document)
{
	const struct json *list = json_get(document, INFO);

	for (uint32_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++)
		if (json_get(&list->items[i], SEALED))
			return true;
	return false;
}
