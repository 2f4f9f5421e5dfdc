/* Reading and showing one setting. Each kind has a reader, a writer and a phrase for what it expects. */
#include "main/setting.h"

#include "main/retention_rule.h"

#include "base/duration.h"
#include "base/time_value.h"
#include "net/address_policy.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SHOWN_BYTES_MAX 40u
#define EXPECTED_BYTES_MAX 400u

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"GiB", UINT64_C(1) << 30}, {"MiB", UINT64_C(1) << 20}, {"KiB", UINT64_C(1) << 10}, {"B", 1}, {NULL, 0}};
static const struct unit second_units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}, {NULL, 0}};

static void write_quantity(struct buf *out, uint64_t value, const struct unit *units)
{
	while (units[1].name && (value == 0 || value % units->factor))
		units++;
	buf_printf(out, "%llu %s", (unsigned long long)(value / units->factor), units->name);
}

static const struct unit *units_of(const struct setting *setting)
{
	if (setting->kind == SETTING_SIZE)
		return size_units;
	return setting->kind == SETTING_SECONDS ? second_units : NULL;
}

static void write_range(const struct setting *setting, struct buf *out)
{
	const struct unit *units = units_of(setting);

	if (setting->kind == SETTING_DECIMAL) {
		buf_printf(out, "number from %g to %g", setting->min, setting->max);
	} else if (!units) {
		buf_printf(out, "whole number from %.0f to %.0f", setting->min, setting->max);
	} else {
		buf_put(out, setting->kind == SETTING_SIZE ? STR("size from ") : STR("time from "));
		write_quantity(out, (uint64_t)setting->min, units);
		buf_put(out, STR(" to "));
		write_quantity(out, (uint64_t)setting->max, units);
	}
}

void setting_write_expected(const struct setting *setting, struct buf *out)
{
	switch (setting->kind) {
	case SETTING_TEXT:
		buf_put(out, STR("text"));
		break;
	case SETTING_NAME:
		buf_put(out, STR("name of letters, digits, \".\", \"_\", \"-\""));
		break;
	case SETTING_ENDPOINT:
		buf_put(out, STR("ADDRESS:PORT such as 127.0.0.1:8080 or [::1]:8080"));
		break;
	case SETTING_SWITCH:
		buf_put(out, STR("true or false"));
		break;
	case SETTING_CHOICE:
		buf_put(out, STR("one of "));
		for (size_t i = 0; setting->choices[i]; i++)
			buf_printf(out, "%s%s", i ? ", " : "", setting->choices[i]);
		break;
	case SETTING_TOKENS:
		buf_put(out, STR("names separated by commas, or \"*\""));
		break;
	case SETTING_INSTANT:
		buf_put(out, STR("\"now\" or a time such as 2018-12-04T08:00:00+08:00"));
		break;
	case SETTING_ORIGIN:
		buf_put(out, STR("scheme and host such as https://broker.example"));
		break;
	case SETTING_ADDRESSES:
		buf_put(out, STR("list of addresses, networks (10.0.0.0/8), hosts (broker.lan) and domains (*.lan)"));
		break;
	case SETTING_RULES:
		buf_put(out, STR("list of rules such as \"type=SmartMeter keep=P90D rollup=PT1H:forever\""));
		break;
	case SETTING_ORIGINS:
		buf_put(out, STR("list of web origins such as https://example.org, or \"*\""));
		break;
	default:
		write_range(setting, out);
	}
}

void setting_write_variable(const struct setting *setting, struct buf *out)
{
	buf_put(out, STR("MACHI_"));
	for (const char *c = setting->key; *c; c++) {
		bool is_lower = *c >= 'a' && *c <= 'z';

		buf_put_char(out, is_lower ? (char)(*c - 'a' + 'A') : *c == '.' ? '_' : *c);
	}
}

static enum err_code refuse(const struct setting *setting, struct str text, struct error *err)
{
	struct buf expected;
	size_t cut = text.len < SHOWN_BYTES_MAX ? text.len : SHOWN_BYTES_MAX;

	while (cut < text.len && cut > 0 && ((unsigned char)text.at[cut] & 0xC0) == 0x80)
		cut--;
	buf_init(&expected, EXPECTED_BYTES_MAX);
	setting_write_expected(setting, &expected);
	enum err_code code = err_set(err, ERR_INVALID, "expected %.*s, not \"%.*s\"%s", STR_FMT(buf_str(&expected)),
				     (int)cut, text.len ? text.at : "", cut < text.len ? "…" : "");

	buf_done(&expected);
	return code;
}

static bool has_control(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7F)
			return true;
	return false;
}

static bool is_name(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '.' &&
		    c != '_' && c != '-')
			return false;
	}
	return true;
}

static bool read_quantity(struct str text, const struct unit *units, uint64_t *ret)
{
	size_t digits = 0;
	uint64_t number;
	uint64_t factor = 1;

	while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
		digits++;
	struct str unit = str_trim(str_part(text, digits, text.len));

	if (!str_to_uint64(str_part(text, 0, digits), &number))
		return false;
	if (unit.len) {
		while (units && units->name && !str_eq_nocase(unit, str_from(units->name)))
			units++;
		if (!units || !units->name)
			return false;
		factor = units->factor;
	}
	return !__builtin_mul_overflow(number, factor, ret);
}

static bool read_endpoint(struct arena *arena, struct str text, struct setting_endpoint *ret)
{
	size_t colon = text.len;
	uint64_t port;

	while (colon > 0 && text.at[colon - 1] != ':')
		colon--;
	if (colon < 2 || !str_to_uint64(str_part(text, colon, text.len), &port) || port > UINT16_MAX)
		return false;
	struct str address = str_part(text, 0, colon - 1);
	bool bracketed = str_starts(address, STR("[")) && str_ends(address, STR("]"));
	size_t at;

	if (bracketed)
		address = str_part(address, 1, address.len - 1);
	if (address.len == 0 || bracketed != str_find(address, ':', &at) || has_control(address))
		return false;
	const char *copy = arena_dup(arena, address).at;

	if (!copy)
		return false;
	*ret = (struct setting_endpoint){copy, (uint16_t)port};
	return true;
}

static bool read_instant(struct str text, int64_t *ret)
{
	if (str_eq(text, STR("now"))) {
		*ret = SETTING_NOW;
		return true;
	}
	return time_parse_iso(text, true, ret);
}

static bool read_choice(const struct setting *setting, struct str text, unsigned *ret)
{
	for (unsigned i = 0; setting->choices[i]; i++) {
		if (str_eq(text, str_from(setting->choices[i]))) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool in_range(const struct setting *setting, double value)
{
	return value >= setting->min && value <= setting->max;
}

static bool read_switch(struct str text, bool *ret)
{
	bool yes = str_eq(text, STR("true")) || str_eq(text, STR("yes")) || str_eq(text, STR("on"));
	bool no = str_eq(text, STR("false")) || str_eq(text, STR("no")) || str_eq(text, STR("off"));

	if (yes || no)
		*ret = yes;
	return yes || no;
}

/* "*", or scheme://host without path: what browsers send as Origin. */
static bool is_origin(struct str text)
{
	size_t slashes = 0;

	for (size_t i = 0; i < text.len; i++) {
		slashes += text.at[i] == '/';
		if (text.at[i] <= ' ' || text.at[i] > '~' || text.at[i] == ',')
			return false;
	}
	bool web = (str_starts(text, STR("http://")) && text.len > 7) ||
		   (str_starts(text, STR("https://")) && text.len > 8);

	return str_eq(text, STR("*")) || (web && slashes == 2);
}

/* What the policy itself takes, so that the two cannot disagree. */
static bool is_address(struct arena *arena, struct str text)
{
	struct address_policy *policy = NULL;
	const char *item = arena_dup(arena, text).at;
	bool good = item && address_policy_new(&item, 1, &policy, NULL) == ERR_OK;

	(void)address_policy_free(policy);
	return good;
}

bool setting_is_list(const struct setting *setting)
{
	return setting->kind == SETTING_ORIGINS || setting->kind == SETTING_ADDRESSES || setting->kind == SETTING_RULES;
}

enum err_code setting_add_item(const struct setting *setting, struct arena *arena, struct str text, void *target,
			       struct error *err)
{
	struct setting_texts *texts = (void *)((char *)target + setting->offset);

	if (setting->kind == SETTING_RULES) {
		struct broker_rule rule;
		enum err_code code = retention_rule_read(text, &rule, err);

		if (code)
			return code;
	} else if (!(setting->kind == SETTING_ORIGINS ? is_origin(text) : is_address(arena, text)))
		return refuse(setting, text, err);
	if (texts->count == SETTING_TEXTS_MAX)
		return err_set(err, ERR_INVALID, "expected at most %u entries", SETTING_TEXTS_MAX);
	if (!texts->items)
		texts->items = arena_array(arena, const char *, SETTING_TEXTS_MAX);
	const char *copy = arena_dup(arena, text).at;

	if (!texts->items || !copy)
		return err_set(err, ERR_MEMORY, "no memory for settings");
	texts->items[texts->count++] = copy;
	return ERR_OK;
}

static enum err_code read_list(const struct setting *setting, struct arena *arena, struct str text, void *target,
			       struct error *err)
{
	enum err_code code = ERR_OK;
	struct str piece;

	*(struct setting_texts *)(void *)((char *)target + setting->offset) = (struct setting_texts){0};
	if (str_trim(text).len == 0)
		return ERR_OK;
	while (!code && str_next(&text, ',', &piece))
		code = setting_add_item(setting, arena, str_trim(piece), target, err);
	return code;
}

/* RFC 9110 section 5.6.2: what methods and header fields may be called. */
static bool are_tokens(struct str text)
{
	struct str name;

	while (str_next(&text, ',', &name)) {
		name = str_trim(name);
		for (size_t i = 0; i < name.len; i++) {
			char c = name.at[i];
			bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

			if (!alphanumeric && !memchr("!#$%&'*+-.^_`|~", c, 15))
				return false;
		}
		if (name.len == 0)
			return false;
	}
	return true;
}

static enum err_code read_text(const struct setting *setting, struct arena *arena, struct str text, const char **ret,
			       struct error *err)
{
	bool good = setting->kind == SETTING_NAME ? is_name(text) : !has_control(text);

	if (setting->kind == SETTING_ORIGIN)
		good = text.len == 0 || (is_origin(text) && !str_eq(text, STR("*")));
	if (setting->kind == SETTING_TOKENS)
		good = are_tokens(text);

	if (!good || (double)text.len < setting->min || (setting->max > 0 && (double)text.len > setting->max))
		return refuse(setting, text, err);
	const char *copy = arena_dup(arena, text.at ? text : STR("")).at;

	if (!copy)
		return err_set(err, ERR_MEMORY, "no memory for settings");
	*ret = copy;
	return ERR_OK;
}

enum err_code setting_read(const struct setting *setting, struct arena *arena, struct str text, void *target,
			   struct error *err)
{
	void *field = (char *)target + setting->offset;
	uint64_t number = 0;
	double decimal = 0;
	bool good = false;

	switch (setting->kind) {
	case SETTING_TEXT:
	case SETTING_NAME:
	case SETTING_TOKENS:
	case SETTING_ORIGIN:
		return read_text(setting, arena, text, field, err);
	case SETTING_ORIGINS:
	case SETTING_ADDRESSES:
	case SETTING_RULES:
		return read_list(setting, arena, text, target, err);
	case SETTING_ENDPOINT:
		good = read_endpoint(arena, text, field);
		break;
	case SETTING_COUNT:
	case SETTING_SIZE:
	case SETTING_SECONDS:
		good = setting->kind == SETTING_SECONDS ? duration_parse_seconds(text, &number)
							: read_quantity(text, units_of(setting), &number);
		good = good && in_range(setting, (double)number);
		if (good)
			*(uint64_t *)field = number;
		break;
	case SETTING_DECIMAL:
		good = str_to_double(text, &decimal) && in_range(setting, decimal);
		if (good)
			*(double *)field = decimal;
		break;
	case SETTING_SWITCH:
		good = read_switch(text, field);
		break;
	case SETTING_CHOICE:
		good = read_choice(setting, text, field);
		break;
	case SETTING_INSTANT:
		good = read_instant(text, field);
		break;
	}
	return good ? ERR_OK : refuse(setting, text, err);
}

/* Texts in double quotes when a plain scalar could be read as something else. */
static void write_text(struct buf *out, struct str text)
{
	bool plain = text.len > 0 && is_name(text) && text.at[0] >= 'A';

	if (plain) {
		buf_put(out, text);
		return;
	}
	buf_put_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '"' || text.at[i] == '\\')
			buf_put_char(out, '\\');
		buf_put_char(out, text.at[i]);
	}
	buf_put_char(out, '"');
}

static void write_list(const struct setting_texts *texts, struct buf *out)
{
	buf_put_char(out, '[');
	for (size_t i = 0; i < texts->count; i++) {
		buf_put(out, i ? STR(", ") : STR(""));
		write_text(out, str_from(texts->items[i]));
	}
	buf_put_char(out, ']');
}

void setting_write(const struct setting *setting, const void *target, struct buf *out)
{
	const void *field = (const char *)target + setting->offset;
	const struct setting_endpoint *endpoint = field;
	char time_text[TIME_ISO_BYTES];

	switch (setting->kind) {
	case SETTING_TEXT:
	case SETTING_NAME:
	case SETTING_TOKENS:
	case SETTING_ORIGIN:
		write_text(out, str_from(*(const char *const *)field));
		break;
	case SETTING_ENDPOINT:
		buf_printf(out, strchr(endpoint->address, ':') ? "\"[%s]:%u\"" : "\"%s:%u\"", endpoint->address,
			   endpoint->port);
		break;
	case SETTING_COUNT:
		buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
		break;
	case SETTING_SIZE:
	case SETTING_SECONDS:
		write_quantity(out, *(const uint64_t *)field, units_of(setting));
		break;
	case SETTING_DECIMAL:
		buf_printf(out, "%.12g", *(const double *)field);
		break;
	case SETTING_SWITCH:
		buf_put(out, *(const bool *)field ? STR("true") : STR("false"));
		break;
	case SETTING_CHOICE:
		buf_put(out, str_from(setting->choices[*(const unsigned *)field]));
		break;
	case SETTING_INSTANT:
		if (*(const int64_t *)field == SETTING_NOW)
			buf_put(out, STR("now"));
		else
			buf_put(out, time_format_iso(*(const int64_t *)field, time_text));
		break;
	case SETTING_ORIGINS:
	case SETTING_ADDRESSES:
	case SETTING_RULES:
		write_list(field, out);
		break;
	}
}
