/* Entities over time as text, and attributes, normalized.
 *
 * A day of a sensor is 1,440 instances that differ in value and time alone. So the text of an instance is made once as
 * a pattern, pieces of text between which value and times are put, and kept while other instances have the same members
 * (struct temporal_point has a pointer to them). What costs is then the values themselves. */
#include "ngsild/represent_temporal_int.h"

#include "base/time_value.h"

#define PATTERN_PIECES_MAX 8u
#define PATTERN_BYTES_MAX ((size_t)16 << 20)
#define PATTERNS_KEPT 16u

int64_t temporal_point_time(const struct temporal_point *point, enum temporal_property property)
{
	const int64_t times[] = {
		[TEMPORAL_OBSERVED_AT] = point->observed_us,
		[TEMPORAL_CREATED_AT] = point->created_us,
		[TEMPORAL_MODIFIED_AT] = point->modified_us,
		[TEMPORAL_DELETED_AT] = point->deleted_us,
	};

	return times[property] != TEMPORAL_NO_TIME ? times[property] : point->modified_us;
}

void put_instant(const struct temporal_writer *t, enum temporal_property property, int64_t us)
{
	struct buf *out = t->w.out;

	put(out, STR("\""));
	put(out, time_text_next(&t->clocks[property], us));
	put(out, STR("\","));
}

static void put_time_member(const struct temporal_writer *t, enum temporal_property property, int64_t us)
{
	if (us == TEMPORAL_NO_TIME)
		return;
	put_key(t->w.out, temporal_property_name(property));
	put_instant(t, property, us);
}

/* NGSI-LD Null in the form that a value of this kind has (4.5.0). */
struct str temporal_null_text(const struct attribute_kind *kind)
{
	switch (kind->value) {
	case MEMBER_LANGUAGE_MAP:
		return STR("{\"@none\":\"urn:ngsi-ld:null\"},");
	case MEMBER_VALUE_LIST:
		return STR("[\"urn:ngsi-ld:null\"],");
	case MEMBER_OBJECT_LIST:
		return STR("[{\"object\":\"urn:ngsi-ld:null\"}],");
	default:
		return STR("\"urn:ngsi-ld:null\",");
	}
}

/* ---- patterns ---- */

enum hole { HOLE_VALUE, HOLE_TERMS, HOLE_SCOPE, HOLE_LANGUAGE, HOLE_OBSERVED, HOLE_CREATED, HOLE_MODIFIED };

struct pattern_piece {
	size_t end; /* of the text before the hole, in text */
	enum hole hole;
};

struct pattern_text {
	const struct json *instance; /* that it was made of; NULL: unused */
	bool deleted;
	bool identified; /* the instance has an instanceId of its own: another broker's */
	struct buf text;
	struct pattern_piece pieces[PATTERN_PIECES_MAX];
	size_t count;
};

struct pattern_shelf {
	struct pattern_text kept[PATTERNS_KEPT];
	size_t at; /* the latest used */
};

static void add_hole(struct pattern_text *pattern, enum hole hole)
{
	if (pattern->count < PATTERN_PIECES_MAX)
		pattern->pieces[pattern->count++] = (struct pattern_piece){pattern->text.len, hole};
}

static enum hole value_hole(const struct temporal_writer *t, const struct attribute_kind *kind, bool scope)
{
	if (scope)
		return HOLE_SCOPE;
	if (language_chosen(t, kind))
		return HOLE_LANGUAGE;
	return kind->value == MEMBER_VOCAB ? HOLE_TERMS : HOLE_VALUE;
}

static bool shows_time(const struct temporal_writer *t, enum temporal_property property)
{
	return t->w.options->sys_attrs || property == TEMPORAL_OBSERVED_AT || property == t->options->query->property;
}

static void add_member(const struct temporal_writer *t, const struct writer *w, struct pattern_text *pattern,
		       const struct json_member *member, const struct attribute_kind *kind, bool scope)
{
	enum member which = member_of(member->key);
	bool chosen = language_chosen(t, kind) && !pattern->deleted;

	if (which == kind->value && !pattern->deleted) {
		if (!chosen) /* else the hole has members of its own */
			put_key(w->out, member->key);
		add_hole(pattern, value_hole(t, kind, scope));
	} else if (which == kind->value) {
		put_key(w->out, member->key);
		put(w->out, temporal_null_text(kind));
	} else if (which == MEMBER_TYPE && chosen) {
		put(w->out, STR("\"type\":\"Property\","));
	} else if (which == MEMBER_INSTANCE_ID) {
		put_key(w->out, member->key);
		put_value(w->out, &member->value);
		pattern->identified = true;
	} else if (which == MEMBER_OBSERVED_AT) {
		add_hole(pattern, HOLE_OBSERVED);
	} else if (which == MEMBER_CREATED_AT) {
		if (shows_time(t, TEMPORAL_CREATED_AT))
			add_hole(pattern, HOLE_CREATED);
		if (shows_time(t, TEMPORAL_MODIFIED_AT))
			add_hole(pattern, HOLE_MODIFIED);
	} else if (which != MEMBER_DELETED_AT &&
		   (!pattern->deleted || which == MEMBER_TYPE || which == MEMBER_DATASET_ID)) {
		put_instance_member(w, pattern->instance, member);
	}
}

static void pattern_make(const struct temporal_writer *t, const struct temporal_point *point, bool scope,
			 struct pattern_text *pattern)
{
	const struct attribute_kind *kind = attribute_kind_of(point->instance);
	struct writer w = t->w;

	buf_clear(&pattern->text);
	pattern->instance = point->instance;
	pattern->deleted = point->deleted;
	pattern->identified = false;
	pattern->count = 0;
	w.out = &pattern->text;
	put(w.out, STR("{"));
	for (uint32_t i = 0; kind && i < point->instance->count; i++)
		add_member(t, &w, pattern, &point->instance->members[i], kind, scope);
}

static const struct pattern_text *pattern_find(const struct temporal_writer *t, struct pattern_shelf *shelf,
					       const struct temporal_point *point, bool scope)
{
	for (size_t i = 0; i < PATTERNS_KEPT; i++) {
		size_t at = (shelf->at + i) % PATTERNS_KEPT;
		struct pattern_text *kept = &shelf->kept[at];

		if (kept->instance == point->instance && kept->deleted == point->deleted) {
			shelf->at = at;
			return kept;
		}
	}
	shelf->at = (shelf->at + 1) % PATTERNS_KEPT;
	pattern_make(t, point, scope, &shelf->kept[shelf->at]);
	return &shelf->kept[shelf->at];
}

/* A scope alone is written as a text (4.18). */
void put_scopes(struct buf *out, const struct json *scopes)
{
	if (!scopes)
		return;
	put_value(out, json_is(scopes, JSON_ARRAY) && scopes->count == 1 ? &scopes->items[0] : scopes);
}

/* The text in the language wanted, as a Property's value (4.15). */
static void put_chosen(const struct temporal_writer *t, const struct json *map)
{
	const struct json_member *chosen = language_choose(t->w.options->language, map);

	if (!chosen)
		return;
	put_key(t->w.out, STR("value"));
	put_value(t->w.out, &chosen->value);
	put_key(t->w.out, STR("lang"));
	json_write_string(t->w.out, chosen->key);
	put(t->w.out, STR(","));
}

/* One flat switch. */
static void fill_hole(const struct temporal_writer *t, enum hole hole, const struct temporal_point *point)
{
	struct buf *out = t->w.out;

	switch (hole) {
	case HOLE_VALUE:
		put_value(out, point->value);
		return;
	case HOLE_TERMS:
		put_terms(&t->w, point->value, false, false);
		return;
	case HOLE_SCOPE:
		put_scopes(out, point->value);
		return;
	case HOLE_LANGUAGE:
		put_chosen(t, point->value);
		return;
	case HOLE_OBSERVED:
		put_time_member(t, TEMPORAL_OBSERVED_AT, point->observed_us);
		return;
	case HOLE_CREATED:
		put_time_member(t, TEMPORAL_CREATED_AT, point->created_us);
		return;
	case HOLE_MODIFIED:
		put_time_member(t, TEMPORAL_MODIFIED_AT, point->modified_us);
		return;
	}
}

static void put_point(const struct temporal_writer *t, const struct pattern_text *pattern, struct str id_prefix,
		      const struct temporal_point *point)
{
	struct buf *out = t->w.out;
	size_t from = 0;

	for (size_t i = 0; i < pattern->count; i++) {
		const struct pattern_piece *piece = &pattern->pieces[i];

		put(out, (struct str){pattern->text.at + from, piece->end - from});
		fill_hole(t, piece->hole, point);
		from = piece->end;
	}
	put(out, (struct str){pattern->text.at + from, pattern->text.len - from});
	put_time_member(t, TEMPORAL_DELETED_AT, point->deleted_us);
	if (id_prefix.len && !pattern->identified) {
		put(out, id_prefix);
		buf_put_int64(out, point->number);
		put(out, STR("\","));
	}
	close_with(out, '}');
	put(out, STR(","));
}

/* An array of instances, always: so clients need not look how many there are. */
static enum err_code put_normalized(const struct temporal_writer *t, const struct temporal_attribute *attribute,
				    struct str entity_id)
{
	bool scope = str_eq(attribute->iri, TEMPORAL_SCOPE);
	struct str id_prefix = STR_NONE; /* the scope can only have times (4.5.6) */
	struct pattern_shelf *shelf = arena_new(t->w.arena, struct pattern_shelf);
	enum err_code failed = ERR_OK;

	if (!scope)
		id_prefix =
			arena_printf(t->w.arena, "\"instanceId\":\"" TEMPORAL_INSTANCE_PREFIX "%016llx:",
				     (unsigned long long)temporal_mark(t->options->holder, entity_id, attribute->iri));
	if (!shelf || (!scope && !id_prefix.at))
		return err_set(t->err, ERR_MEMORY, "no memory for an attribute's text");
	for (size_t i = 0; i < PATTERNS_KEPT; i++)
		buf_init(&shelf->kept[i].text, PATTERN_BYTES_MAX);
	put(t->w.out, STR("["));
	for (size_t i = 0; i < attribute->count; i++)
		put_point(t, pattern_find(t, shelf, &attribute->points[i], scope), id_prefix, &attribute->points[i]);
	close_with(t->w.out, ']');
	put(t->w.out, STR(","));
	for (size_t i = 0; i < PATTERNS_KEPT; i++) {
		failed = failed ? failed : shelf->kept[i].text.failed;
		buf_done(&shelf->kept[i].text);
	}
	return failed ? err_set(t->err, failed, "an instance is too large for its text") : ERR_OK;
}

void temporal_open(const struct temporal_writer *t, const struct attribute_kind *kind, struct str dataset)
{
	put(t->w.out, STR("{\"type\":\""));
	put(t->w.out, language_chosen(t, kind) ? STR("Property") : kind->name);
	put(t->w.out, STR("\","));
	if (!dataset.len)
		return;
	put_key(t->w.out, STR("datasetId"));
	json_write_string(t->w.out, dataset);
	put(t->w.out, STR(","));
}

/* ---- entities ---- */

static void put_types(const struct temporal_writer *t, const struct temporal_entity *entity)
{
	put_key(t->w.out, STR("type"));
	if (entity->type_count != 1)
		put(t->w.out, STR("["));
	for (size_t i = 0; i < entity->type_count; i++) {
		json_write_string(t->w.out, represent_name(t->w.options->context, t->w.arena, entity->types[i]));
		put(t->w.out, STR(","));
	}
	if (entity->type_count != 1) {
		close_with(t->w.out, ']');
		put(t->w.out, STR(","));
	}
}

static void put_head(const struct temporal_writer *t, const struct temporal_entity *entity)
{
	const struct represent_selection *show = &t->w.show;

	if (is_shown(show, STR("id"), false)) {
		put_key(t->w.out, STR("id"));
		json_write_string(t->w.out, entity->id);
		put(t->w.out, STR(","));
	}
	if (is_shown(show, STR("type"), false) && entity->type_count)
		put_types(t, entity);
	if (!t->w.options->sys_attrs || t->options->form != TEMPORAL_NORMALIZED)
		return;
	if (stamp_shown(&t->w, STR("createdAt")))
		put_time_member(t, TEMPORAL_CREATED_AT, entity->created_us);
	if (stamp_shown(&t->w, STR("modifiedAt")))
		put_time_member(t, TEMPORAL_MODIFIED_AT, entity->modified_us);
	put_time_member(t, TEMPORAL_DELETED_AT, entity->deleted_us);
}

static enum err_code put_series(const struct temporal_writer *t, const struct temporal_entity *entity,
				const struct temporal_attribute *attribute)
{
	if (t->options->form == TEMPORAL_AGGREGATED)
		return put_aggregated(t, attribute);
	put_attribute_name(&t->w, attribute->iri);
	if (t->options->form == TEMPORAL_VALUES)
		return put_values(t, attribute);
	return put_normalized(t, attribute, entity->id);
}

enum err_code represent_temporal(struct buf *out, struct arena *arena, const struct temporal_entity *entity,
				 const struct temporal_options *options, struct error *err)
{
	struct time_text clocks[TEMPORAL_PROPERTY_COUNT] = {0};
	const struct temporal_writer t = {.w = {.out = out,
						.arena = arena,
						.options = options->represent,
						.format = REPRESENT_NORMALIZED,
						.show = options->represent->show,
						.here = {entity->id, NULL}},
					  .options = options,
					  .clocks = clocks,
					  .err = err};
	enum err_code code = ERR_OK;

	put(out, STR("{"));
	put_head(&t, entity);
	for (size_t i = 0; i < entity->count && !code; i++)
		if (entity->attributes[i].count + entity->attributes[i].aggregate_count > 0)
			code = put_series(&t, entity, &entity->attributes[i]);
	if (options->represent->context_value) {
		put_key(out, STR("@context"));
		put_value(out, options->represent->context_value);
	}
	close_with(out, '}');
	return code;
}
