/* Templates of Home Assistant's discovery: read and computed at once, by recursive descent over
 *
 *   choice  = compare ["if" choice "else" choice]
 *   compare = sum [("==" | "!=" | "<" | "<=" | ">" | ">=") sum]
 *   sum     = product {("+" | "-") product}
 *   product = filtered {("*" | "/") filtered}
 *   filtered = ["-"] atom {"|" filter ["(" argument ")"]}
 *
 * as Jinja's grammar has it (a filter binds more tightly than any operator). What is not there (undefined) spreads
 * through all but default. */
#include "feed/ha_template.h"

#include <math.h>
#include <string.h>

enum value_kind { VALUE_ABSENT, VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL, VALUE_JSON };

struct value {
	enum value_kind kind;
	struct str text; /* VALUE_TEXT */
	double number; /* VALUE_NUMBER, VALUE_BOOL */
	const struct json *json; /* VALUE_JSON: an object or array */
};

struct filling {
	struct str all, rest;
	struct str payload;
	const struct json *json;
	struct arena *arena;
	bool dry; /* only whether it is understood: nothing is there, and nothing is missed */
	uint32_t depth;
	struct error *err;
};

static enum err_code choice(struct filling *f, struct value *ret);

/* ---- words ---- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void skip_blanks(struct filling *f)
{
	while (f->rest.len && (f->rest.at[0] == ' ' || f->rest.at[0] == '\t' || f->rest.at[0] == '\n'))
		f->rest = str_part(f->rest, 1, f->rest.len);
}

static enum err_code not_understood(const struct filling *f)
{
	return err_set(f->err, ERR_UNSUPPORTED, "the template \"%.*s\" is not understood from byte %zu on",
		       STR_FMT(str_part(f->all, 0, 120)), (size_t)(f->rest.at - f->all.at));
}

static bool take(struct filling *f, const char *sign)
{
	struct str text = str_from(sign);

	skip_blanks(f);
	if (!str_starts(f->rest, text) || (is_word(sign[0]) && f->rest.len > text.len && is_word(f->rest.at[text.len])))
		return false;
	f->rest = str_part(f->rest, text.len, f->rest.len);
	return true;
}

static struct str take_word(struct filling *f)
{
	size_t len = 0;

	skip_blanks(f);
	while (len < f->rest.len && is_word(f->rest.at[len]))
		len++;
	struct str word = str_part(f->rest, 0, len);

	f->rest = str_part(f->rest, len, f->rest.len);
	return word;
}

/* Between quotes, without escapes. */
static bool take_quoted(struct filling *f, struct str *ret)
{
	size_t end;

	skip_blanks(f);
	if (!f->rest.len || (f->rest.at[0] != '\'' && f->rest.at[0] != '"') ||
	    !str_find(str_part(f->rest, 1, f->rest.len), f->rest.at[0], &end))
		return false;
	*ret = str_part(f->rest, 1, end + 1);
	f->rest = str_part(f->rest, end + 2, f->rest.len);
	return true;
}

static bool take_number(struct filling *f, double *ret)
{
	size_t len = 0;

	skip_blanks(f);
	while (len < f->rest.len && ((f->rest.at[len] >= '0' && f->rest.at[len] <= '9') || f->rest.at[len] == '.'))
		len++;
	if (len == 0 || !str_to_double(str_part(f->rest, 0, len), ret))
		return false;
	f->rest = str_part(f->rest, len, f->rest.len);
	return true;
}

/* ---- values ---- */

static struct value absent(void)
{
	return (struct value){.kind = VALUE_ABSENT};
}

static struct value number_value(double number)
{
	return (struct value){.kind = VALUE_NUMBER, .number = number};
}

static struct value text_value(struct str text)
{
	return (struct value){.kind = VALUE_TEXT, .text = text};
}

static struct value bool_value(bool value)
{
	return (struct value){.kind = VALUE_BOOL, .number = value};
}

static struct value json_value(const struct json *node)
{
	if (!node || node->kind == JSON_NULL)
		return absent();
	if (node->kind == JSON_STRING)
		return text_value(json_text(node));
	if (node->kind == JSON_NUMBER)
		return number_value(node->number);
	if (node->kind == JSON_BOOL)
		return bool_value(node->boolean);
	return (struct value){.kind = VALUE_JSON, .json = node};
}

static bool to_number(const struct value *value, double *ret)
{
	if (value->kind == VALUE_NUMBER || value->kind == VALUE_BOOL) {
		*ret = value->number;
		return true;
	}
	return value->kind == VALUE_TEXT && str_to_double(str_trim(value->text), ret);
}

static struct str to_text(const struct filling *f, const struct value *value)
{
	struct buf text;

	switch (value->kind) {
	case VALUE_TEXT:
		return value->text;
	case VALUE_BOOL:
		return value->number != 0 ? STR("True") : STR("False"); /* Python's words, which devices expect */
	case VALUE_NUMBER:
		if (!isfinite(value->number))
			return STR_NONE;
		buf_init(&text, 64);
		json_write_double(&text, value->number);
		return buf_to_arena(&text, f->arena);
	case VALUE_JSON:
		buf_init(&text, (size_t)1 << 16);
		json_write(&text, value->json);
		return buf_to_arena(&text, f->arena);
	default:
		return STR_NONE;
	}
}

static bool is_true(const struct value *value)
{
	return value->kind == VALUE_TEXT   ? value->text.len > 0
	       : value->kind == VALUE_JSON ? value->json->count > 0
					   : value->kind != VALUE_ABSENT && value->number != 0;
}

/* ---- atoms ---- */

/* ".member", "['member']", "[2]" behind a value. */
static enum err_code steps(struct filling *f, const struct json **node)
{
	for (;;) {
		struct str name;
		double index;

		if (str_starts(f->rest, STR("."))) {
			f->rest = str_part(f->rest, 1, f->rest.len);
			name = take_word(f);
			if (name.len == 0 || str_starts(f->rest, STR("(")))
				return not_understood(f);
			*node = json_get(*node, name);
		} else if (str_starts(f->rest, STR("["))) {
			f->rest = str_part(f->rest, 1, f->rest.len);
			if (take_quoted(f, &name))
				*node = json_get(*node, name);
			else if (take_number(f, &index) && index >= 0 && index < 1e6)
				*node = json_at(*node, (size_t)index);
			else
				return not_understood(f);
			if (!take(f, "]"))
				return not_understood(f);
		} else {
			return ERR_OK;
		}
	}
}

static enum err_code atom(struct filling *f, struct value *ret)
{
	const struct json *node = f->json;
	struct str text;
	double number;
	enum err_code code;

	if (take(f, "(")) {
		code = choice(f, ret);
		return code ? code : take(f, ")") ? ERR_OK : not_understood(f);
	}
	if (take_quoted(f, &text)) {
		*ret = text_value(text);
		return ERR_OK;
	}
	if (take_number(f, &number)) {
		*ret = number_value(number);
		return ERR_OK;
	}
	if (take(f, "value_json")) {
		code = steps(f, &node);
		if (!code)
			*ret = json_value(node);
		return code;
	}
	if (take(f, "value")) {
		*ret = f->dry ? absent() : text_value(f->payload);
		return ERR_OK;
	}
	if (take(f, "true") || take(f, "True")) {
		*ret = bool_value(true);
		return ERR_OK;
	}
	if (take(f, "false") || take(f, "False")) {
		*ret = bool_value(false);
		return ERR_OK;
	}
	if (take(f, "none") || take(f, "None")) {
		*ret = absent();
		return ERR_OK;
	}
	return not_understood(f);
}

/* ---- filters ---- */

struct argument {
	bool given;
	struct value value;
};

static enum err_code as_number(struct filling *f, bool whole, const struct argument *argument, struct value *value)
{
	double number;

	if (value->kind == VALUE_ABSENT && !argument->given)
		return ERR_OK;
	if (to_number(value, &number))
		*value = number_value(whole ? trunc(number) : number);
	else if (argument->given)
		*value = argument->value;
	else
		return err_set(f->err, ERR_INVALID, "\"%.*s\" is no number",
			       STR_FMT(str_part(to_text(f, value), 0, 60)));
	return ERR_OK;
}

static void round_it(const struct argument *argument, struct value *value)
{
	double number, digits = 0;

	if (!to_number(value, &number) || (argument->given && !to_number(&argument->value, &digits)) ||
	    fabs(digits) > 12)
		return;
	double factor = pow(10, trunc(digits));

	*value = number_value(round(number * factor) / factor);
}

static void set_case(struct filling *f, bool upper, struct value *value)
{
	struct str text = to_text(f, value);
	char *copy = value->kind == VALUE_ABSENT ? NULL : arena_bytes(f->arena, text.len, 1);

	for (size_t i = 0; copy && i < text.len; i++) {
		char c = text.at[i];
		char from = upper ? 'a' : 'A';

		copy[i] = c >= from && c <= from + 25 ? (char)(c ^ 0x20) : c;
	}
	if (copy)
		*value = text_value((struct str){copy, text.len});
}

static enum err_code apply(struct filling *f, struct str name, const struct argument *argument, struct value *value)
{
	if (str_eq(name, STR("float")) || str_eq(name, STR("int")))
		return as_number(f, name.at[0] == 'i', argument, value);
	if (str_eq(name, STR("round"))) {
		round_it(argument, value);
	} else if (str_eq(name, STR("abs"))) {
		if (value->kind == VALUE_NUMBER)
			value->number = fabs(value->number);
	} else if (str_eq(name, STR("default"))) {
		if (value->kind == VALUE_ABSENT && argument->given)
			*value = argument->value;
	} else if (str_eq(name, STR("string"))) {
		if (value->kind != VALUE_ABSENT)
			*value = text_value(to_text(f, value));
	} else if (str_eq(name, STR("trim"))) {
		if (value->kind == VALUE_TEXT)
			value->text = str_trim(value->text);
	} else if (str_eq(name, STR("lower")) || str_eq(name, STR("upper"))) {
		set_case(f, name.at[0] == 'u', value);
	} else if (!str_eq(name, STR("is_defined"))) {
		return err_set(f->err, ERR_UNSUPPORTED,
			       "the template \"%.*s\" has a filter that is not understood, %.*s",
			       STR_FMT(str_part(f->all, 0, 120)), STR_FMT(str_part(name, 0, 40)));
	}
	return ERR_OK;
}

static enum err_code filtered(struct filling *f, struct value *ret)
{
	bool negative = take(f, "-");
	enum err_code code = atom(f, ret);

	if (!code && negative) {
		double number;

		*ret = to_number(ret, &number) ? number_value(-number) : absent();
	}
	while (!code && take(f, "|")) {
		struct str name = take_word(f);
		struct argument argument = {.given = false};

		if (str_starts(f->rest, STR("("))) {
			(void)take(f, "(");
			if (!take(f, ")")) {
				argument.given = true;
				code = choice(f, &argument.value);
				if (!code && !take(f, ")"))
					code = not_understood(f);
			}
		}
		if (!code)
			code = apply(f, name, &argument, ret);
	}
	return code;
}

/* ---- operators ---- */

static struct value compute(char sign, const struct value *left, const struct value *right)
{
	double a, b;

	if (!to_number(left, &a) || !to_number(right, &b) || (sign == '/' && b == 0))
		return absent();
	return number_value(sign == '+' ? a + b : sign == '-' ? a - b : sign == '*' ? a * b : a / b);
}

static enum err_code product(struct filling *f, struct value *ret)
{
	enum err_code code = filtered(f, ret);

	while (!code) {
		char sign = take(f, "*") ? '*' : take(f, "/") ? '/' : '\0';
		struct value right;

		if (!sign)
			return ERR_OK;
		code = filtered(f, &right);
		if (!code)
			*ret = compute(sign, ret, &right);
	}
	return code;
}

static enum err_code sum(struct filling *f, struct value *ret)
{
	enum err_code code = product(f, ret);

	while (!code) {
		char sign = take(f, "+") ? '+' : take(f, "-") ? '-' : '\0';
		struct value right;

		if (!sign)
			return ERR_OK;
		code = product(f, &right);
		if (!code)
			*ret = compute(sign, ret, &right);
	}
	return code;
}

static int order_of(const struct filling *f, const struct value *left, const struct value *right)
{
	double a, b;

	if (left->kind != VALUE_TEXT && right->kind != VALUE_TEXT && to_number(left, &a) && to_number(right, &b))
		return (a > b) - (a < b);
	return str_cmp(to_text(f, left), to_text(f, right));
}

static enum err_code compare(struct filling *f, struct value *ret)
{
	static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">"};
	enum err_code code = sum(f, ret);
	struct value right;

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && !code; i++) {
		if (!take(f, signs[i]))
			continue;
		code = sum(f, &right);
		int order = code ? 0 : order_of(f, ret, &right);
		const bool holds[] = {order == 0, order != 0, order <= 0, order >= 0, order<0, order> 0};

		if (!code)
			*ret = bool_value(holds[i]);
		break;
	}
	return code;
}

static enum err_code choice(struct filling *f, struct value *ret)
{
	struct value condition = {.kind = VALUE_ABSENT}, other = condition;
	enum err_code code;

	if (++f->depth > HA_TEMPLATE_DEPTH_MAX)
		return not_understood(f);
	code = compare(f, ret);
	if (!code && take(f, "if")) {
		code = choice(f, &condition);
		if (!code && !take(f, "else"))
			code = not_understood(f);
		if (!code)
			code = choice(f, &other);
		if (!code && !is_true(&condition))
			*ret = other;
	}
	f->depth--;
	return code;
}

/* ---- the whole ---- */

static enum err_code fill(struct filling *f, struct str *ret_text)
{
	struct value value = {.kind = VALUE_ABSENT};
	enum err_code code;

	f->rest = f->all = str_trim(f->all);
	if (f->all.len > HA_TEMPLATE_BYTES_MAX)
		return err_set(f->err, ERR_UNSUPPORTED, "a template of %zu bytes, at most %u are read", f->all.len,
			       HA_TEMPLATE_BYTES_MAX);
	if (!take(f, "{{"))
		return not_understood(f);
	code = choice(f, &value);
	if (!code && !take(f, "}}"))
		code = not_understood(f);
	skip_blanks(f);
	if (!code && f->rest.len)
		code = not_understood(f);
	if (!code)
		*ret_text = to_text(f, &value);
	return code;
}

enum err_code ha_template_fill(struct str template, struct str value, const struct json *json, struct arena *arena,
			       struct str *ret_text, struct error *err)
{
	struct filling filling = {.all = template, .payload = value, .json = json, .arena = arena, .err = err};

	if (template.len == 0) {
		*ret_text = value;
		return ERR_OK;
	}
	return fill(&filling, ret_text);
}

enum err_code ha_template_check(struct str template, struct error *err)
{
	struct filling filling = {.all = template, .dry = true, .err = err};
	struct str text;
	struct arena arena;

	if (template.len == 0)
		return ERR_OK;
	arena_init_small(&arena, (size_t)1 << 16, 256);
	filling.arena = &arena;
	enum err_code code = fill(&filling, &text);

	arena_done(&arena);
	return code == ERR_INVALID ? ERR_OK : code; /* of a constant, which is none */
}
