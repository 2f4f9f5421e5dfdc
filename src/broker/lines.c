/* Line protocol into batches. A request is read as often as it takes: when it names things that are not known yet,
 * these get their numbers by a write of their own and it is read again. */
#include "broker/lines_int.h"

#include "base/cleanup.h"
#include "lineproto/series_key.h"
#include "store/bulk.h"

#include <stddef.h>
#include <stdlib.h>

#define LINES_TRIES_MAX 4u /* readings of one request */
#define LINES_FIELDS_KEPT 64u /* whose numbers are kept from line to line */

struct kept_field {
	struct str raw; /* as written, in the request's text */
	int64_t number;
};

struct reading {
	struct broker_lines *lines;
	struct kept_field fields[LINES_FIELDS_KEPT];
	struct store_bulk_value values[LINE_FIELDS_MAX];
	struct str last_key;
	int64_t last_subject;
	bool wants; /* something has no number: from here on only names are looked for */
	struct error *err;
};

static enum err_code no_memory(struct error *err)
{
	return err_set(err, ERR_MEMORY, "no memory for lines");
}

static void note_bad(struct broker_lines *lines, uint64_t number, struct str reason)
{
	if (lines->bad_count < LINES_BAD_SHOWN)
		lines->bad[lines->bad_count] = (struct lines_bad){number, reason};
	lines->bad_count++;
}

/* ---- names ---- */

/* The thing of a key, 0 when it is not known yet (then it is wanted), -1 when the key is bad. */
static enum err_code find_subject(struct reading *reading, const struct line *line, int64_t *ret_number)
{
	struct broker_lines *lines = reading->lines;

	if (str_eq(line->key, reading->last_key)) {
		*ret_number = reading->last_subject;
		return ERR_OK;
	}
	*ret_number = lines_names_subject(lines->names, line->key);
	reading->last_key = line->key;
	reading->last_subject = *ret_number;
	if (*ret_number > 0)
		return ERR_OK;
	struct str reason = STR_NONE;
	enum err_code code = lines_want_subject(lines, line->key, &reason, reading->err);

	if (code == ERR_INVALID) {
		note_bad(lines, line->number, reason);
		*ret_number = -1;
		reading->last_key = STR_NONE; /* each such line is told of */
		return ERR_OK;
	}
	reading->wants = true;
	return code;
}

static enum err_code find_field(struct reading *reading, const struct line *line, size_t index, int64_t *ret_number)
{
	struct broker_lines *lines = reading->lines;
	const struct line_field *field = &line->fields[index];
	struct kept_field *kept = index < LINES_FIELDS_KEPT ? &reading->fields[index] : NULL;

	if (kept && str_eq(kept->raw, field->name)) {
		*ret_number = kept->number;
		return ERR_OK;
	}
	*ret_number = lines_names_attribute(lines->names, field->name);
	if (*ret_number > 0) {
		if (kept)
			*kept = (struct kept_field){field->name, *ret_number};
		return ERR_OK;
	}
	struct str reason = STR_NONE;
	enum err_code code = lines_want_attribute(lines, field, &reason, reading->err);

	if (code == ERR_INVALID) {
		note_bad(lines, line->number, reason);
		*ret_number = -1;
		return ERR_OK;
	}
	reading->wants = true;
	return code;
}

/* ---- values ---- */

static enum err_code take_value(struct reading *reading, const struct line_field *field, struct store_bulk_value *value)
{
	switch (field->kind) {
	case LINE_DECIMAL:
		value->kind = SERIES_DECIMAL;
		value->mantissa = field->mantissa;
		value->scale = field->scale;
		return ERR_OK;
	case LINE_DOUBLE:
		value->kind = SERIES_DOUBLE;
		value->real = field->real;
		return ERR_OK;
	case LINE_WHOLE: /* beyond 64 bits with a sign: the nearest double */
		value->kind = SERIES_DOUBLE;
		return str_to_double(field->raw, &value->real)
			       ? ERR_OK
			       : err_set(reading->err, ERR_INTERNAL, "an integer that cannot be read");
	case LINE_BOOLEAN:
		value->kind = SERIES_BOOLEAN;
		value->mantissa = field->truth;
		return ERR_OK;
	case LINE_TEXT:
		break;
	}
	value->kind = SERIES_TEXT;
	value->text = field->raw;
	if (!field->raw_escaped)
		return ERR_OK;
	char *copy = arena_bytes(reading->lines->arena, field->raw.len, 1);

	if (!copy)
		return no_memory(reading->err);
	value->text = line_text(field->raw, copy);
	return ERR_OK;
}

static enum err_code take_line(struct reading *reading, const struct line *line)
{
	struct broker_lines *lines = reading->lines;
	int64_t subject;
	enum err_code code = find_subject(reading, line, &subject);

	if (code || subject < 0)
		return code;
	for (size_t i = 0; i < line->field_count; i++) {
		struct store_bulk_value *value = &reading->values[i];

		code = find_field(reading, line, i, &value->name);
		if (code || value->name < 0)
			return code;
		value->scale = 0;
		if (!reading->wants)
			code = take_value(reading, &line->fields[i], value);
		if (code)
			return code;
	}
	if (reading->wants)
		return ERR_OK;
	lines->line_count++;
	lines->value_count += line->field_count;
	return store_bulk_add(lines->bulk, subject, line->time_us, reading->values, line->field_count, reading->err);
}

static enum err_code read_lines(struct reading *reading)
{
	struct broker_lines *lines = reading->lines;
	struct lines *reader = malloc(sizeof(*reader));
	enum lines_got got = LINES_POINT;
	enum err_code code = reader ? ERR_OK : no_memory(reading->err);
	struct line line;

	if (reader) {
		lines_init(reader, lines->precision, broker_now_us(lines->broker));
		lines_feed(reader, lines->text, true);
	}
	while (code == ERR_OK && got != LINES_MORE) {
		got = lines_next(reader, &line);
		if (got == LINES_POINT)
			code = take_line(reading, &line);
		else if (got == LINES_BAD)
			note_bad(lines, line.number, str_from(line.reason));
	}
	free(reader);
	return code;
}

/* ---- one reading ---- */

static enum err_code take_bulk(struct broker_lines *lines, struct error *err)
{
	int64_t now_us = broker_now_us(lines->broker), generation = lines_names_generation(lines->names);

	lines->bulk = lines_names_take_bulk(lines->names);
	if (!lines->bulk)
		return store_bulk_new(lines->store, now_us, generation, &lines->bulk, err);
	store_bulk_reset(lines->bulk, now_us, generation);
	return ERR_OK;
}

static enum err_code read_all(struct broker_lines *lines, bool *ret_wants, struct error *err)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	enum err_code code = reading ? ERR_OK : no_memory(err);

	lines->bulk = store_bulk_free(lines->bulk);
	lines->line_count = lines->value_count = lines->bad_count = 0;
	lines_want_nothing(lines);
	if (code == ERR_OK) {
		reading->lines = lines;
		reading->err = err;
		/* While numbers are looked up they must not go. */
		lines_names_hold(lines->names);
		code = take_bulk(lines, err);
		if (code == ERR_OK)
			code = read_lines(reading);
		lines_names_release(lines->names);
		*ret_wants = reading->wants;
	}
	free(reading);
	if (code == ERR_OK && !*ret_wants)
		code = store_bulk_finish(lines->bulk, err);
	return code;
}

/* ---- writing ---- */

static struct broker_lines *lines_of(struct store_write *write)
{
	return (struct broker_lines *)(void *)((char *)write - offsetof(struct broker_lines, write));
}

static enum err_code run_names(struct store_write *write, struct store_txn *txn, struct error *err)
{
	return lines_name(lines_of(write), txn, err);
}

static enum err_code run_store(struct store_write *write, struct store_txn *txn, struct error *err)
{
	return store_txn_bulk(txn, lines_of(write)->bulk, err);
}

static void is_written(struct store_write *write, enum err_code code, const struct error *err)
{
	struct broker_lines *lines = lines_of(write);

	lines->code = code;
	if (code)
		lines->error = *err;
	else if (lines->phase == LINES_NAMED)
		lines_names_learn(lines);
	lines->wake(lines);
}

static enum err_code submit(struct broker_lines *lines, bool names, struct error *err)
{
	lines->phase = names ? LINES_NAMED : LINES_STORED;
	lines->write = (struct store_write){.run = names ? run_names : run_store, .done = is_written};
	return store_submit(lines->store, &lines->write, err);
}

/* ---- the whole ---- */

static enum err_code read_and_submit(struct broker_lines *lines, bool *ret_waits, struct error *err)
{
	bool wants = false;

	if (lines->tries++ == LINES_TRIES_MAX)
		return err_set(err, ERR_CONFLICT, "things that were written to went away again and again");
	enum err_code code = read_all(lines, &wants, err);

	if (code)
		return code;
	*ret_waits = wants || lines->value_count > 0;
	if (*ret_waits)
		code = submit(lines, wants, err);
	if (code)
		*ret_waits = false;
	return code;
}

enum err_code broker_lines_run(struct broker_lines *lines, bool *ret_waits, struct error *err)
{
	*ret_waits = false;
	if (!lines->names) {
		enum err_code code = lines_names_of(lines->broker, lines->store, &lines->names, err);

		return code ? code : read_and_submit(lines, ret_waits, err);
	}
	if (lines->phase == LINES_STORED && lines->code == ERR_CONFLICT)
		lines_names_forget(lines->names);
	else if (lines->code != ERR_OK || lines->phase == LINES_STORED) {
		if (lines->code && err)
			*err = lines->error;
		return lines->code;
	}
	return read_and_submit(lines, ret_waits, err);
}

void broker_lines_done(struct broker_lines *lines)
{
	if (lines->bulk && lines->phase == LINES_STORED && lines->code == ERR_OK)
		lines_names_give_bulk(lines->names, TAKE(lines->bulk));
	lines->bulk = store_bulk_free(lines->bulk);
	lines_want_nothing(lines);
}
