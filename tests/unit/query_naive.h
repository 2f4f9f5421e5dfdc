/* A second evaluator of q, for the tests: written from the sentences of clause 4.9 and nothing else. It works on the
 * query's text (cutting it at | and ; outside parentheses and quotes) and turns every value, of the query and of the
 * entity alike, into a type letter and a text whose byte order is the value's order. Slow and plain; for queries
 * without spaces whose strings hold no escapes. */
#ifndef MACHI_TESTS_QUERY_NAIVE_H
#define MACHI_TESTS_QUERY_NAIVE_H

#include "query_check.h"

#include <regex.h>

/* n number, s string, b boolean, d dateTime, D date, T time, - nothing that compares */
struct plain {
	char type;
	char key[64];
};

static inline bool naive_any_separator(struct str text, char separator, size_t *ret_at)
{
	int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		quoted = quoted != (c == '"');
		depth += quoted ? 0 : (c == '(' || c == '[') - (c == ')' || c == ']');
		if (!quoted && depth == 0 && c == separator) {
			*ret_at = i;
			return true;
		}
	}
	return false;
}

/* Numbers as sign and fixed-point digits: those of the tests have at most four decimals and nine places before. */
static inline struct plain naive_number(double value)
{
	struct plain plain = {.type = 'n'};
	double shifted = value + 1e9;

	(void)snprintf(plain.key, sizeof(plain.key), "%020.4f", shifted);
	return plain;
}

static inline bool naive_shape(struct str text, const char *shape)
{
	size_t i = 0;

	for (; shape[i]; i++)
		if (i >= text.len || (shape[i] == '9' ? text.at[i] < '0' || text.at[i] > '9' : text.at[i] != shape[i]))
			return false;
	return true;
}

/* Time texts of the tests are valid where their shape is; decimals are padded to six. */
static inline struct plain naive_time(struct str text)
{
	struct plain plain = {.type = '-'};
	static const char date_time[] = "9999-99-99T99:99:99", time[] = "99:99:99";
	bool is_time = naive_shape(text, time), is_date_time = naive_shape(text, date_time);
	size_t whole = is_time ? sizeof(time) - 1 : sizeof(date_time) - 1;

	if ((is_time || is_date_time) && text.at[text.len - 1] == 'Z') {
		int decimals = (int)(text.len - whole) - 1;

		plain.type = is_time ? 'T' : 'd';
		(void)snprintf(plain.key, sizeof(plain.key), "%.*s.%.*s%.*s", (int)whole, text.at,
			       decimals > 0 ? decimals - 1 : 0, text.at + whole + 1, decimals > 0 ? 7 - decimals : 6,
			       "000000");
	} else if (text.len == 10 && naive_shape(text, "9999-99-99")) {
		plain.type = 'D';
		(void)snprintf(plain.key, sizeof(plain.key), "%.*s", 10, text.at);
	}
	return plain;
}

/* A literal of the query. */
static inline struct plain naive_literal(struct str text)
{
	struct plain plain = {.type = 's'};
	double number;

	if (str_starts(text, STR("\""))) {
		(void)snprintf(plain.key, sizeof(plain.key), "%.*s", STR_FMT(str_part(text, 1, text.len - 1)));
		return plain;
	}
	if (str_eq(text, STR("true")) || str_eq(text, STR("false"))) {
		plain.type = 'b';
		plain.key[0] = text.at[0];
		return plain;
	}
	if (str_to_double(text, &number))
		return naive_number(number);
	plain = naive_time(text);
	if (plain.type == '-') {
		plain.type = 's';
		(void)snprintf(plain.key, sizeof(plain.key), "%.*s", STR_FMT(text));
	}
	return plain;
}

/* A single value of the entity, read as the type that the query's literal has. */
static inline struct plain naive_value(const struct json *node, char wanted)
{
	struct plain plain = {.type = '-'};
	struct str text = json_text(json_is(node, JSON_OBJECT) ? json_get(node, STR("@value")) : node);

	if (wanted == 'n' && json_is(node, JSON_NUMBER))
		return naive_number(node->number);
	if (wanted == 'b' && json_is(node, JSON_BOOL)) {
		plain.type = 'b';
		plain.key[0] = node->boolean ? 't' : 'f';
	} else if (wanted == 's' && json_is(node, JSON_STRING)) {
		plain.type = 's';
		(void)snprintf(plain.key, sizeof(plain.key), "%.*s", STR_FMT(text));
	} else if ((wanted == 'd' || wanted == 'D' || wanted == 'T') && text.len) {
		plain = naive_time(text);
	}
	return plain;
}

/* "identical or equivalent to", "in the interval" of one literal or range. */
static inline bool naive_single_equal(struct str wanted, const struct json *node)
{
	size_t dots = 0;

	for (size_t i = 0; i + 1 < wanted.len && !dots; i++)
		if (wanted.at[0] != '"' && wanted.at[i] == '.' && wanted.at[i + 1] == '.')
			dots = i;
	for (size_t i = 1; i + 2 < wanted.len && !dots; i++)
		if (wanted.at[i] == '"' && wanted.at[i + 1] == '.' && wanted.at[i + 2] == '.')
			dots = i + 1;
	if (!dots) {
		struct plain is = naive_literal(wanted), target = naive_value(node, is.type);

		return is.type == target.type && strcmp(is.key, target.key) == 0;
	}
	struct plain low = naive_literal(str_part(wanted, 0, dots));
	struct plain high = naive_literal(str_part(wanted, dots + 2, wanted.len));
	struct plain target = naive_value(node, low.type);

	return target.type == low.type && low.type == high.type && strcmp(target.key, low.key) >= 0 &&
	       strcmp(target.key, high.key) <= 0;
}

static inline bool naive_equal(struct str wanted, const struct json *node)
{
	size_t comma;

	while (naive_any_separator(wanted, ',', &comma)) {
		if (naive_equal(str_part(wanted, 0, comma), node))
			return true;
		wanted = str_part(wanted, comma + 1, wanted.len);
	}
	if (naive_single_equal(wanted, node))
		return true;
	bool range = str_contains(wanted, STR(".."));

	for (size_t i = 0; !range && json_at(node, i); i++) {
		const struct json *object = json_get(json_at(node, i), STR("object"));

		if (naive_single_equal(wanted, object ? object : json_at(node, i)))
			return true;
	}
	return false;
}

static inline bool naive_regex(struct str pattern, const struct json *node)
{
	char text[128], expression[128];
	regex_t regex;

	(void)snprintf(text, sizeof(text), "%.*s", STR_FMT(json_text(node)));
	(void)snprintf(expression, sizeof(expression), "%.*s", STR_FMT(str_part(pattern, 1, pattern.len - 1)));
	if (!CHECK(regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) == 0))
		return false;
	bool found = regexec(&regex, text, 0, NULL, 0) == 0;

	regfree(&regex);
	return found;
}

/* One target value against op and value. */
static inline bool naive_holds(const char *op, struct str value, const struct json *node)
{
	struct plain wanted = naive_literal(value), target = naive_value(node, wanted.type);
	bool same = target.type == wanted.type;
	int order = strcmp(target.key, wanted.key);

	if (!op[0])
		return true;
	if (strcmp(op, "==") == 0)
		return naive_equal(value, node);
	if (strcmp(op, "!=") == 0)
		return !naive_equal(value, node);
	if (strcmp(op, ">") == 0)
		return same && order > 0;
	if (strcmp(op, "<") == 0)
		return same && order < 0;
	if (strcmp(op, ">=") == 0)
		return (same && order > 0) || naive_equal(value, node);
	if (strcmp(op, "<=") == 0)
		return (same && order < 0) || naive_equal(value, node);
	return json_is(node, JSON_STRING) && naive_regex(value, node) == (op[0] == '~');
}

/* One instance of the target element; trail is what stands between brackets. */
static inline bool naive_instance(const struct json *instance, struct str trail, const char *op, struct str value)
{
	struct str type = json_text(json_get(instance, STR("type"))), key;
	const struct json *target = document_value(instance);

	if (str_ends(type, STR("Relationship")))
		return !trail.at && (!op[0] || op[1] == '=') && op[0] != '~' && op[0] != '<' && op[0] != '>' &&
		       strcmp(op, "!~=") != 0 && naive_holds(op, value, target);
	if (!str_eq(type, STR("LanguageProperty"))) {
		while (str_next(&trail, '.', &key))
			target = json_get(target, key);
		return target && naive_holds(op, value, target);
	}
	if (trail.at && !str_eq(trail, STR("*"))) {
		target = json_get(target, trail);
		return target && naive_holds(op, value, target);
	}
	bool some = false, all = true, negative = op[0] == '!';

	for (uint32_t i = 0; i < target->count; i++) {
		const struct json *text = &target->members[i].value;

		if (strcmp(op, "!~=") == 0 && !json_is(text, JSON_STRING))
			continue;
		bool holds = naive_holds(op, value, text);

		some = some || holds;
		all = all && holds;
	}
	return negative ? some && all : some;
}

static inline bool naive_path(const struct json *node, struct str path, struct str trail, const char *op,
			      struct str value)
{
	struct str name;
	bool more = str_next(&path, '.', &name) && path.at;

	if (str_eq(name, STR("observedAt")) || str_eq(name, STR("unitCode"))) {
		const struct json *target = json_get(node, name);

		return target && naive_holds(op, value, target);
	}
	const struct json *instances = json_get(node, arena_concat(&arena, STR(VOCAB), name));

	for (size_t i = 0; json_at(instances, i); i++)
		if (more ? naive_path(json_at(instances, i), path, trail, op, value)
			 : naive_instance(json_at(instances, i), trail, op, value))
			return true;
	return false;
}

static inline bool naive_term(struct str text, const struct json *document)
{
	static const char *const ops[] = {"!~=", "~=", "==", "!=", ">=", "<=", ">", "<", ""};
	size_t at = 0, bracket;
	const char *op = "";

	for (; at < text.len && !op[0]; at++)
		for (int i = 0; i < 8 && !op[0]; i++)
			if (str_starts(str_part(text, at, text.len), str_from(ops[i])))
				op = ops[i];
	at -= op[0] ? 1 : 0;
	struct str path = str_part(text, 0, at), trail = STR_NONE;
	struct str value = str_part(text, at + strlen(op), text.len);

	if (str_find(path, '[', &bracket)) {
		trail = str_part(path, bracket + 1, path.len - 1);
		path = str_part(path, 0, bracket);
	}
	return naive_path(document, path, trail, op, value);
}

static inline bool naive_matches(struct str text, const struct json *document)
{
	size_t at;

	if (naive_any_separator(text, '|', &at))
		return naive_matches(str_part(text, 0, at), document) ||
		       naive_matches(str_part(text, at + 1, text.len), document);
	if (naive_any_separator(text, ';', &at))
		return naive_matches(str_part(text, 0, at), document) &&
		       naive_matches(str_part(text, at + 1, text.len), document);
	if (str_starts(text, STR("(")))
		return naive_matches(str_part(text, 1, text.len - 1), document);
	return naive_term(text, document);
}

#endif
