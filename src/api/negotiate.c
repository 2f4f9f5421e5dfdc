/* Media types and Link headers. */
#include "api/negotiate.h"

static const struct str media_names[MEDIA_COUNT] = {
	[MEDIA_JSON] = {"application/json", sizeof("application/json") - 1},
	[MEDIA_LD_JSON] = {"application/ld+json", sizeof("application/ld+json") - 1},
	[MEDIA_GEO_JSON] = {"application/geo+json", sizeof("application/geo+json") - 1},
};

struct str media_name(enum media media)
{
	return media_names[media];
}

/* Cuts the piece before the first separator outside of quotes off *rest. */
static bool next_unquoted(struct str *rest, char separator, struct str *ret_piece)
{
	bool quoted = false;
	size_t at = 0;

	if (!rest->at)
		return false;
	for (; at < rest->len; at++) {
		if (quoted && rest->at[at] == '\\')
			at++;
		else if (rest->at[at] == '"')
			quoted = !quoted;
		else if (!quoted && rest->at[at] == separator)
			break;
	}
	if (at >= rest->len) {
		*ret_piece = *rest;
		*rest = STR_NONE;
		return true;
	}
	*ret_piece = str_part(*rest, 0, at);
	*rest = str_part(*rest, at + 1, rest->len);
	return true;
}

/* How closely a media range fits a type: 3 exactly, 2 by its main type, 1 by any, 0 not. */
static int range_fit(struct str range, struct str type)
{
	if (str_eq_nocase(range, type))
		return 3;
	if (str_eq_nocase(range, STR("application/*")))
		return 2;
	return str_eq(range, STR("*/*")) ? 1 : 0;
}

/* The range's weight; a broken one counts as 0, so that nothing is sent that was not asked for. */
static double range_weight(struct str parameters)
{
	struct str parameter;
	double weight = 1;

	while (next_unquoted(&parameters, ';', &parameter)) {
		parameter = str_trim(parameter);
		if (parameter.len < 2 || !str_eq_nocase(str_part(parameter, 0, 2), STR("q=")))
			continue;
		if (!str_to_double(str_part(parameter, 2, parameter.len), &weight) || weight < 0 || weight > 1)
			return 0;
	}
	return weight;
}

/* A type's weight is that of the range that fits it most closely (RFC 9110 section 12.5.1). */
static double type_weight(struct str accept, struct str type)
{
	struct str piece, range;
	double weight = 0;
	int closest = 0;

	while (next_unquoted(&accept, ',', &piece)) {
		struct str parameters = piece;

		(void)next_unquoted(&parameters, ';', &range);
		int fit = range_fit(str_trim(range), type);

		if (fit > closest) {
			closest = fit;
			weight = range_weight(parameters);
		}
	}
	return weight;
}

enum media accept_choose(struct str accept, unsigned int offered)
{
	enum media best = MEDIA_COUNT;
	double most = 0;

	if (str_trim(accept).len == 0)
		return MEDIA_JSON;
	for (enum media media = 0; media < MEDIA_COUNT; media++) {
		double weight = offered & (1u << media) ? type_weight(accept, media_names[media]) : 0;

		if (weight > most) {
			most = weight;
			best = media;
		}
	}
	return best;
}

enum content content_type(struct str value)
{
	struct str type = value;

	(void)next_unquoted(&value, ';', &type);
	type = str_trim(type);
	if (str_eq_nocase(type, media_names[MEDIA_JSON]))
		return CONTENT_JSON;
	if (str_eq_nocase(type, media_names[MEDIA_LD_JSON]))
		return CONTENT_LD_JSON;
	if (str_eq_nocase(type, STR("application/merge-patch+json")))
		return CONTENT_MERGE_PATCH;
	return CONTENT_OTHER;
}

static unsigned int version_number(struct str text)
{
	uint64_t major, minor;
	size_t dot;

	if (!str_find(text, '.', &dot) || !str_to_uint64(str_part(text, 0, dot), &major) ||
	    !str_to_uint64(str_part(text, dot + 1, text.len), &minor))
		return 0;
	if (major < 1)
		return PREFER_VERSION_OLDEST;
	if (major > 1 || minor > PREFER_VERSION_NEWEST - 100)
		return PREFER_VERSION_NEWEST;
	return 100 + (unsigned int)minor;
}

static struct str unquote(struct str text)
{
	if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"')
		return str_part(text, 1, text.len - 1);
	return text;
}

unsigned int prefer_version(struct str prefer)
{
	struct str preference, name;

	while (next_unquoted(&prefer, ',', &preference)) {
		struct str value = preference;
		size_t equals;

		(void)next_unquoted(&value, ';', &preference); /* its parameters are left aside */
		if (!str_find(preference, '=', &equals))
			continue;
		name = str_trim(str_part(preference, 0, equals));
		if (str_eq_nocase(name, STR("ngsi-ld")))
			return version_number(unquote(str_trim(str_part(preference, equals + 1, preference.len))));
	}
	return 0;
}

/* Does the list of relations (separated by spaces) name the @context? */
static bool names_context(struct str relations)
{
	struct str relation;

	while (str_next(&relations, ' ', &relation))
		if (str_eq(relation, STR(LINK_REL_CONTEXT)))
			return true;
	return false;
}

static bool link_is_context(struct str parameters)
{
	struct str parameter;

	while (next_unquoted(&parameters, ';', &parameter)) {
		size_t equals;

		if (!str_find(parameter, '=', &equals))
			continue;
		if (str_eq_nocase(str_trim(str_part(parameter, 0, equals)), STR("rel")))
			return names_context(unquote(str_trim(str_part(parameter, equals + 1, parameter.len))));
	}
	return false;
}

bool link_context(struct str link, struct str *ret_url)
{
	struct str url = STR_NONE;
	struct str rest = str_trim(link);

	while (rest.len) {
		size_t close;
		struct str parameters = STR_NONE;

		if (rest.at[0] != '<' || !str_find(rest, '>', &close))
			return false;
		struct str target = str_part(rest, 1, close);

		rest = str_part(rest, close + 1, rest.len);
		(void)next_unquoted(&rest, ',', &parameters);
		rest = str_trim(rest);
		if (!link_is_context(parameters))
			continue;
		if (url.at)
			return false;
		url = target;
	}
	*ret_url = url;
	return true;
}
