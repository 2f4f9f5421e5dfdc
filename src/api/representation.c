/* What the answer's entities show, for GET and POST alike: which members and instances, in which language, with which
 * linked entities. Source: GS CIM 009 V1.9.1 clauses 4.5.5, 4.5.23, 4.15, 4.21, 5.7.1.4, 5.7.2.4, tables 6.4.3.2-1 and
 * 6.5.3.1-1, 5.2.23-1. */
#include "api/api_int.h"

#include "ngsild/expand.h"

/* A list of texts, each of which must_be() must allow; NULL when the parameter is absent. */
static enum err_code list_read(struct call *call, enum parameter parameter, bool (*must_be)(struct str text),
			       const char *what, const struct str **ret_list, size_t *ret_count, struct error *err)
{
	struct str piece, rest = call->parameters[parameter];
	size_t room = 1, count = 0;

	if (!rest.at)
		return ERR_OK;
	for (size_t i = 0; i < rest.len; i++)
		room += rest.at[i] == ',';
	struct str *list = arena_array(call->arena, struct str, room);

	if (!list)
		return err_set(err, ERR_MEMORY, "no memory for a list of URIs");
	while (str_next(&rest, ',', &piece)) {
		list[count] = str_trim(piece);
		if (!must_be(list[count]))
			return err_set(err, ERR_INVALID, "%.*s is a list of %s, \"%.*s\" is none",
				       STR_FMT(parameter_rules[parameter].name), what, STR_FMT(piece));
		count++;
	}
	*ret_list = list;
	*ret_count = count;
	return ERR_OK;
}

static bool is_dataset(struct str text)
{
	return str_eq(text, STR("@none")) || expand_is_uri(text);
}

/* ---- linked entities ---- */

static enum err_code join_kind(struct str text, enum join *ret_kind, struct error *err)
{
	if (!text.at || str_eq(text, STR("@none")))
		*ret_kind = JOIN_NONE;
	else if (str_eq(text, STR("inline")))
		*ret_kind = JOIN_INLINE;
	else if (str_eq(text, STR("flat")))
		*ret_kind = JOIN_FLAT;
	else
		return err_set(err, ERR_INVALID, "join is \"flat\", \"inline\" or \"@none\", not \"%.*s\"",
			       STR_FMT(text));
	return ERR_OK;
}

enum err_code call_join(struct call *call, struct call_join *ret_join, struct error *err)
{
	struct call_join join = {.levels = 1};
	struct str level = call->parameters[P_JOIN_LEVEL];
	uint64_t levels = 1;
	enum err_code code = join_kind(call->parameters[P_JOIN], &join.kind, err);

	if (code == ERR_OK)
		code = list_read(call, P_CONTAINED_BY, expand_is_uri, "URIs", &join.met, &join.met_count, err);
	if (code != ERR_OK)
		return code;
	if (level.at && (!str_to_uint64(level, &levels) || levels == 0))
		return err_set(err, ERR_INVALID, "joinLevel is a whole number of 1 or more, not \"%.*s\"",
			       STR_FMT(level));
	if (join.kind != JOIN_NONE && levels > LINKED_LEVELS_MAX)
		return err_set(err, ERR_TOO_COMPLEX, "joinLevel is at most %d here", LINKED_LEVELS_MAX);
	join.levels = join.kind == JOIN_NONE ? 0 : (uint32_t)levels; /* without join the others say nothing */
	*ret_join = join;
	return ERR_OK;
}

static enum err_code links_make(struct call *call, struct represent_options *options, struct error *err)
{
	struct call_join join;
	enum err_code code = call_join(call, &join, err);

	if (code != ERR_OK || join.kind != JOIN_INLINE)
		return code;
	options->links = arena_new(call->arena, struct represent_links);
	if (!options->links)
		return err_set(err, ERR_MEMORY, "no memory for linked entities");
	*options->links = (struct represent_links){.source = broker_linked_source(call->loop->reader),
						   .levels = join.levels,
						   .met = join.met,
						   .met_count = join.met_count};
	return ERR_OK;
}

/* ---- members ---- */

static enum err_code list_of_names(struct call *call, enum parameter parameter, uint32_t levels,
				   const struct projection **ret_projection, struct error *err)
{
	enum projection_kind kind = parameter == P_ATTRS ? PROJECT_ATTRIBUTES : PROJECT_MEMBERS;

	if (!call->parameters[parameter].at)
		return ERR_OK;
	return projection_new(call->arena, call->context, parameter_rules[parameter].name.at,
			      call->parameters[parameter], kind, levels, ret_projection, err);
}

/* attrs is a deprecated synonym of pick together with q (table 5.2.23-1). */
static enum err_code selection_check(const struct represent_selection *show, struct error *err)
{
	if (show->attrs && (show->pick || show->omit))
		return err_set(err, ERR_INVALID, "attrs goes together with neither pick nor omit: use q");
	for (size_t i = 0; show->pick && show->omit && i < show->pick->count; i++)
		if (projection_omits(show->omit, show->pick->terms[i].name))
			return err_set(err, ERR_INVALID, "%.*s stands in pick and in omit",
				       STR_FMT(show->pick->terms[i].name));
	return ERR_OK;
}

static enum err_code selection_read(struct call *call, struct represent_selection *show, struct error *err)
{
	struct call_join join;
	enum err_code code = call_join(call, &join, err);

	if (code == ERR_OK)
		code = list_of_names(call, P_ATTRS, join.levels, &show->attrs, err);
	if (code == ERR_OK)
		code = list_of_names(call, P_PICK, join.levels, &show->pick, err);
	if (code == ERR_OK)
		code = list_of_names(call, P_OMIT, join.levels, &show->omit, err);
	return code == ERR_OK ? selection_check(show, err) : code;
}

static enum err_code language_read(struct call *call, const struct language_filter **ret_filter, struct error *err)
{
	struct language_filter *filter = NULL;

	if (!call->parameters[P_LANG].at)
		return ERR_OK;
	enum err_code code = language_filter_new(call->arena, call->parameters[P_LANG], &filter, err);

	if (code == ERR_OK)
		*ret_filter = filter;
	return code;
}

/* ---- all of it ---- */

enum err_code call_representation(struct call *call, struct represent_options *ret_options, struct error *err)
{
	struct str geometry = call->parameters[P_GEOMETRY_PROPERTY];
	struct represent_options options = {.context = call->context,
					    .format = call->format,
					    .sys_attrs = call->options & OPTION_SYS_ATTRS,
					    .version =
						    prefer_version(http_request_header(call->request, STR("Prefer")))};
	enum err_code code = list_read(call, P_DATASET_ID, is_dataset, "URIs or \"@none\"", &options.dataset_ids,
				       &options.dataset_count, err);

	if (code == ERR_OK)
		code = selection_read(call, &options.show, err);
	if (code == ERR_OK)
		code = language_read(call, &options.language, err);
	if (code == ERR_OK)
		code = links_make(call, &options, err);
	if (call->media == MEDIA_GEO_JSON) {
		options.format = REPRESENT_GEOJSON;
		options.properties_format = call->format;
	}
	if (code == ERR_OK && call->media == MEDIA_GEO_JSON)
		code = context_expand(call->context, call->arena, geometry.at ? geometry : STR("location"),
				      &options.geometry_property, err);
	if (code == ERR_OK)
		*ret_options = options;
	return code;
}

enum err_code call_selects(struct call *call, struct str type, struct str attrs, const struct json *entity,
			   bool *ret_fits, struct error *err)
{
	struct call_join join;
	struct query_text text = {.type = type, .attrs = attrs};
	struct query *query = NULL;

	*ret_fits = true;
	if (!type.at && !attrs.at)
		return ERR_OK;
	enum err_code code = call_join(call, &join, err);

	text.linked_levels = code == ERR_OK ? join.levels : 0;
	if (code == ERR_OK)
		code = query_new(call->arena, broker_reader_parser(call->loop->reader), &text, call->context, &query,
				 err);
	if (code != ERR_OK)
		return code;
	*ret_fits = query_matches(query, entity);
	query_done(query);
	return ERR_OK;
}
