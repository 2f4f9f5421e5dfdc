/* scopeQ (clause 4.19): which scopes an entity must have.
 *
 *   scopeQ = alternative *(("|" / ",") alternative)
 *   alternative = "(" scope *(";" scope) ")" / scope *(";" scope)
 *   scope  = ["/"] level *("/" level) ["/#"] / "/#"         level = name / "+"
 *
 * The clause's grammar demands the leading "/", its example 5 leaves it out; a Scope itself may have it or not (4.18).
 * Both are compared without it. Its grammar also demands the parentheses, which clients leave out; ";" is closer than
 * "|", as in q. "+" stands for one level, "/#" for this scope and all below, "/#" alone for any. */
#include "ngsild/name_int.h"
#include "ngsild/query_int.h"

#include <string.h>

static struct str without_slash(struct str scope)
{
	return str_starts(scope, STR("/")) ? str_part(scope, 1, scope.len) : scope;
}

static bool is_legal_level(struct str level)
{
	return str_eq(level, STR("+")) || (scope_is_legal(level) && level.at[0] != '/');
}

static enum err_code parse_scope(struct scan *scan, struct list *parts)
{
	scan_spaces(scan);
	size_t from = scan->at;

	while (scan->at < scan->text.len && !strchr("|,;() ", scan->text.at[scan->at]))
		scan->at++;
	struct str written = str_part(scan->text, from, scan->at);
	struct str scope = without_slash(written), rest = scope, level;

	if (written.len == 0)
		return scan_fail(scan, from, ERR_INVALID, "expected a scope, found \"%.*s\"", STR_FMT(scan_here(scan)));
	while (str_next(&rest, '/', &level)) {
		bool last = rest.at == NULL;

		if (last && str_eq(level, STR("#")) && str_starts(written, STR("/")))
			break;
		if (!is_legal_level(level))
			return scan_fail(scan, from, ERR_INVALID,
					 "\"%.*s\" is no scope: levels are names or +, and /# may stand at the end",
					 STR_FMT(str_part(written, 0, 80)));
	}
	struct str *part = list_push(scan->arena, parts, sizeof(*part));

	if (!part)
		return scan_no_memory(scan);
	*part = scope;
	return ERR_OK;
}

static enum err_code parse_alternative(struct scan *scan, struct list *choices)
{
	struct list parts = {NULL, 0, 0};
	bool grouped = scan_take(scan, "(");

	do {
		if (++scan->terms > QUERY_CHOICES_MAX)
			return scan_fail(scan, scan->at, ERR_TOO_COMPLEX, "more than %d scopes", QUERY_CHOICES_MAX);
		enum err_code code = parse_scope(scan, &parts);

		if (code)
			return code;
	} while (scan_take(scan, ";"));
	if (grouped && !scan_take(scan, ")"))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected ; or ), found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	struct choice *choice = list_push(scan->arena, choices, sizeof(*choice));

	if (!choice)
		return scan_no_memory(scan);
	*choice = (struct choice){(const struct str *)parts.at, parts.count};
	return ERR_OK;
}

enum err_code query_parse_scopes(struct scan *scan)
{
	struct list choices = {NULL, 0, 0};

	do {
		enum err_code code = parse_alternative(scan, &choices);

		if (code)
			return code;
	} while (scan_take(scan, "|") || scan_take(scan, ","));
	if (!scan_end(scan))
		return scan_fail(scan, scan->at, ERR_INVALID, "expected one of ; | , but found \"%.*s\"",
				 STR_FMT(scan_here(scan)));
	scan->query->scopes = (struct choices){(const struct choice *)choices.at, choices.count};
	return ERR_OK;
}

static bool scope_matches(struct str pattern, struct str scope)
{
	struct str pattern_rest = pattern, scope_rest = without_slash(scope), wanted, level;

	while (str_next(&pattern_rest, '/', &wanted)) {
		if (str_eq(wanted, STR("#")))
			return true;
		if (!str_next(&scope_rest, '/', &level))
			return false;
		if (!str_eq(wanted, STR("+")) && !str_eq(wanted, level))
			return false;
	}
	return scope_rest.at == NULL;
}

bool query_has_scope(const struct json *scopes, struct str pattern)
{
	for (uint32_t i = 0; i < scopes->count; i++) {
		struct str scope = json_text(&scopes->items[i]);

		if (scope.len && scope_matches(pattern, scope))
			return true;
	}
	return false;
}

bool query_eval_scopes(const struct choices *choices, const struct json *entity)
{
	return choices_hold(choices, json_get(entity, STR("scope")), query_has_scope);
}
