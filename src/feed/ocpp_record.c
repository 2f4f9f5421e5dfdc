/* What of charge points outlives the process, in records of kind "ocpp" of the feed's tenant.
 *
 * The record FEED has {"run", "next"}: how often a feed of this name has begun, and the first number of a transaction
 * that was not reserved yet; numbers are reserved many at a time, so that those of a crash are skipped. FEED/STATION
 * has the latest transactions of a station: {"transactions": [{"id", "key", "number", "evse", "connector", "meter",
 * "ended"}]}. "key" is a pseudonym of what makes the start of a 1.6 transaction the same, so that the same start gets
 * the same number (session.h). A start is answered once its record is durable: the record is handed to the store's
 * writer before the batch that the answer waits for, and how that ended is looked at then. */
#include "feed/ocpp_feed_int.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define KIND STR("ocpp")
#define NUMBERS_RESERVED 1000
#define NUMBER_FIRST 1
#define DOC_BYTES_MAX 65536u
#define NAME_BYTES (FEED_NAME_BYTES_MAX + OCPP_STATION_CHARS_MAX + 2u)
#define RUN_MAX INT64_C(0xffffff) /* of a message's id; see ocpp_station.c */

struct ocpp_record_write {
	struct store_write write; /* first */
	struct ocpp_station *station; /* NULL: the feed's record, which is waited for */
	struct ocpp_feed *ocpp;
	uint64_t version;
	char name[NAME_BYTES];
	struct str doc; /* owned but for the feed's */
};

/* ---- writing ---- */

static enum err_code run_write(struct store_write *write, struct store_txn *txn, struct error *err)
{
	const struct ocpp_record_write *record = (const struct ocpp_record_write *)(const void *)write;

	return store_txn_record_put(txn, KIND, str_from(record->name), record->doc, err);
}

/* On the store's writer. */
static void written(struct store_write *write, enum err_code code, const struct error *err)
{
	struct ocpp_record_write *record = (struct ocpp_record_write *)(void *)write;
	struct ocpp_feed *ocpp = record->ocpp;

	(void)err;
	if (code == ERR_OK)
		atomic_store(&record->station->written, record->version);
	free((char *)(uintptr_t)record->doc.at);
	free(record);
	(void)pthread_mutex_lock(&ocpp->lock);
	ocpp->flying--;
	(void)pthread_cond_broadcast(&ocpp->landed);
	(void)pthread_mutex_unlock(&ocpp->lock);
}

void ocpp_records_settle(struct ocpp_feed *ocpp)
{
	(void)pthread_mutex_lock(&ocpp->lock);
	while (ocpp->flying > 0)
		(void)pthread_cond_wait(&ocpp->landed, &ocpp->lock);
	(void)pthread_mutex_unlock(&ocpp->lock);
}

static void put_begun(struct buf *doc, const struct ocpp_begun *begun)
{
	buf_put(doc, STR("{\"id\":"));
	json_write_string(doc, str_from(begun->id));
	buf_printf(doc, ",\"key\":\"%s\",\"number\":%lld,\"evse\":%lld,\"connector\":%lld,\"ended\":%s", begun->key,
		   (long long)begun->number, (long long)begun->place.evse, (long long)begun->place.connector,
		   begun->ended ? "true" : "false");
	if (isfinite(begun->meter_wh)) {
		buf_put(doc, STR(",\"meter\":"));
		json_write_double(doc, begun->meter_wh);
	}
	buf_put_char(doc, '}');
}

static char *make_doc(const struct ocpp_station *station, size_t *ret_len)
{
	struct buf doc;

	buf_init(&doc, DOC_BYTES_MAX);
	buf_put(&doc, STR("{\"transactions\":["));
	for (size_t i = 0; i < station->begun_count; i++) {
		if (i)
			buf_put_char(&doc, ',');
		put_begun(&doc, &station->begun[i]);
	}
	buf_put(&doc, STR("]}"));
	char *text = doc.failed ? NULL : buf_take(&doc, ret_len);

	buf_done(&doc);
	return text;
}

bool ocpp_record_save(struct ocpp_station *station)
{
	struct ocpp_feed *ocpp = station->ocpp;
	struct ocpp_record_write *record = calloc(1, sizeof(*record));
	struct error err;
	size_t len = 0;
	char *doc = record ? make_doc(station, &len) : NULL;

	station->version++;
	if (!doc) {
		free(record);
		return false;
	}
	*record = (struct ocpp_record_write){.write = {.run = run_write, .done = written},
					     .station = station,
					     .ocpp = ocpp,
					     .version = station->version,
					     .doc = {doc, len}};
	(void)snprintf(record->name, sizeof(record->name), "%.*s/%s", STR_FMT(ocpp->feed->name), station->name);
	(void)pthread_mutex_lock(&ocpp->lock);
	ocpp->flying++;
	(void)pthread_mutex_unlock(&ocpp->lock);
	if (store_submit(ocpp->feed->store, &record->write, &err) == ERR_OK)
		return true;
	(void)pthread_mutex_lock(&ocpp->lock);
	ocpp->flying--;
	(void)pthread_mutex_unlock(&ocpp->lock);
	free(doc);
	free(record);
	return false;
}

static enum err_code save_feed(struct ocpp_feed *ocpp, struct error *err)
{
	struct ocpp_record_write record = {.write = {.run = run_write}, .ocpp = ocpp};

	(void)snprintf(record.name, sizeof(record.name), "%.*s", STR_FMT(ocpp->feed->name));
	record.doc = arena_printf(&ocpp->scratch, "{\"run\":%llu,\"next\":%lld}", (unsigned long long)ocpp->run,
				  (long long)ocpp->number_end);
	if (!record.doc.at)
		return err_set(err, ERR_MEMORY, "no memory for the record of a feed");
	return store_apply(ocpp->feed->store, &record.write, err);
}

/* ---- reading ---- */

static bool read_int(const struct json *object, const char *name, int64_t *ret)
{
	return json_int64(json_get(object, str_from(name)), ret);
}

static enum err_code read_doc(struct ocpp_feed *ocpp, struct str name, struct json **ret, struct error *err)
{
	struct str doc = STR_NONE;
	enum err_code code = store_record_get(ocpp->reader, KIND, name, &ocpp->scratch, &doc, err);

	if (code == ERR_NOT_FOUND) {
		*ret = NULL;
		return ERR_OK;
	}
	return code ? code : json_parse(ocpp->feed->parser, &ocpp->scratch, doc, NULL, ret, err);
}

enum err_code ocpp_record_begin(struct ocpp_feed *ocpp, struct error *err)
{
	struct json *doc = NULL;
	int64_t run = 0, next = NUMBER_FIRST;
	enum err_code code = read_doc(ocpp, ocpp->feed->name, &doc, err);

	if (code)
		return code;
	(void)read_int(doc, "run", &run);
	(void)read_int(doc, "next", &next);
	ocpp->run = (uint64_t)(run + 1) & RUN_MAX;
	ocpp->number_next = ocpp->number_end = next;
	code = save_feed(ocpp, err);
	arena_clear(&ocpp->scratch);
	return code;
}

static void read_begun(struct ocpp_station *station, const struct json *node)
{
	struct str id = json_text(json_get(node, STR("id"))), key = json_text(json_get(node, STR("key")));
	const struct json *meter = json_get(node, STR("meter")), *ended = json_get(node, STR("ended"));
	struct ocpp_begun begun = {.number = OCPP_NONE, .place = {OCPP_NONE, OCPP_NONE}};

	if (id.len > OCPP_TRANSACTION_ID_BYTES || key.len > BROKER_PSEUDONYM_DIGITS ||
	    station->begun_count == OCPP_TRANSACTIONS_MAX)
		return;
	(void)snprintf(begun.id, sizeof(begun.id), "%.*s", STR_FMT(id));
	(void)snprintf(begun.key, sizeof(begun.key), "%.*s", STR_FMT(key));
	(void)read_int(node, "number", &begun.number);
	(void)read_int(node, "evse", &begun.place.evse);
	(void)read_int(node, "connector", &begun.place.connector);
	begun.meter_wh = json_is(meter, JSON_NUMBER) ? meter->number : NAN;
	begun.ended = json_is(ended, JSON_BOOL) && ended->boolean;
	station->begun[station->begun_count++] = begun;
}

enum err_code ocpp_record_load(struct ocpp_station *station, struct error *err)
{
	struct ocpp_feed *ocpp = station->ocpp;
	struct json *doc = NULL;
	struct str name = arena_printf(&ocpp->scratch, "%.*s/%s", STR_FMT(ocpp->feed->name), station->name);
	enum err_code code =
		name.at ? read_doc(ocpp, name, &doc, err) : err_set(err, ERR_MEMORY, "no memory for a record");
	const struct json *list = json_get(doc, STR("transactions"));

	for (size_t i = 0; !code && list && i < list->count; i++)
		read_begun(station, json_at(list, i));
	station->is_new = !code && !doc;
	arena_clear(&ocpp->scratch);
	return code;
}

struct each {
	struct str prefix;
	bool (*visit)(void *self, struct str station);
	void *self;
};

static bool visit_record(void *self, struct str id, struct str doc)
{
	const struct each *each = self;

	(void)doc;
	return str_starts(id, each->prefix) && each->visit(each->self, str_part(id, each->prefix.len, id.len));
}

enum err_code ocpp_record_each(struct ocpp_feed *ocpp, bool (*visit)(void *self, struct str station), void *self,
			       struct error *err)
{
	struct each each = {arena_printf(&ocpp->scratch, "%.*s/", STR_FMT(ocpp->feed->name)), visit, self};
	enum err_code code = each.prefix.at
				     ? store_record_each(ocpp->reader, KIND, each.prefix, visit_record, &each, err)
				     : err_set(err, ERR_MEMORY, "no memory for records");

	arena_clear(&ocpp->scratch);
	return code;
}

/* ---- transactions ---- */

struct ocpp_begun *ocpp_begun_find(struct ocpp_station *station, struct str id)
{
	for (size_t i = station->begun_count; i-- > 0;)
		if (str_eq(str_from(station->begun[i].id), id))
			return &station->begun[i];
	return NULL;
}

struct ocpp_begun *ocpp_begun_at(struct ocpp_station *station, int64_t evse)
{
	for (size_t i = station->begun_count; i-- > 0;)
		if (!station->begun[i].ended && (station->begun[i].place.evse == evse || evse == OCPP_NONE))
			return &station->begun[i];
	return NULL;
}

/* Makes room: the oldest that has ended, else the oldest. */
static struct ocpp_begun *new_begun(struct ocpp_station *station)
{
	size_t at = 0;

	if (station->begun_count == OCPP_TRANSACTIONS_MAX) {
		while (at < station->begun_count && !station->begun[at].ended)
			at++;
		if (at == station->begun_count)
			at = 0;
		station->begun_count--;
		memmove(&station->begun[at], &station->begun[at + 1],
			(station->begun_count - at) * sizeof(station->begun[0]));
	}
	struct ocpp_begun *begun = &station->begun[station->begun_count++];

	*begun = (struct ocpp_begun){.number = OCPP_NONE, .place = {OCPP_NONE, OCPP_NONE}, .meter_wh = NAN};
	return begun;
}

struct ocpp_begun *ocpp_begun_note(struct ocpp_station *station, const struct ocpp_transaction *transaction)
{
	struct ocpp_begun *begun = ocpp_begun_find(station, transaction->id);

	if (!begun) {
		begun = new_begun(station);
		(void)snprintf(begun->id, sizeof(begun->id), "%.*s", STR_FMT(transaction->id));
	}
	if (transaction->place.evse != OCPP_NONE)
		begun->place = transaction->place;
	if (transaction->stage == OCPP_STARTED)
		begun->meter_wh = transaction->meter_wh;
	begun->ended = begun->ended || transaction->stage == OCPP_ENDED;
	return begun;
}

/* ---- numbers of 1.6 ---- */

bool ocpp_pseudonym(const struct ocpp_feed *ocpp, struct str token, char ret_digits[static BROKER_PSEUDONYM_DIGITS + 1])
{
	const struct feed *feed = ocpp->feed;
	char lower[4 * 36 + 1]; /* tokens are the same in upper and lower case */
	struct error err;

	if (token.len >= sizeof(lower))
		return false;
	for (size_t i = 0; i < token.len; i++)
		lower[i] = token.at[i] >= 'A' && token.at[i] <= 'Z' ? (char)(token.at[i] - 'A' + 'a') : token.at[i];
	return broker_pseudonym(feed->options->broker, feed->tenant, STR("ocpp token"), (struct str){lower, token.len},
				ret_digits, &err) == ERR_OK;
}

static bool key_of(struct ocpp_station *station, const struct ocpp_start *start,
		   char ret_key[static BROKER_PSEUDONYM_DIGITS + 1])
{
	struct ocpp_feed *ocpp = station->ocpp;
	struct error err;
	struct str text =
		arena_printf(&ocpp->scratch, "%s %lld %lld %lld %lld %.*s", station->name, (long long)start->place.evse,
			     (long long)start->meter_wh, (long long)start->at_us, (long long)start->reservation,
			     STR_FMT(start->token.id));
	bool made = text.at && broker_pseudonym(ocpp->feed->options->broker, ocpp->feed->tenant, STR("ocpp start"),
						text, ret_key, &err) == ERR_OK;

	arena_clear(&ocpp->scratch);
	return made;
}

/* Behind what a point keeps in 32 bits the first ones come again: two thousand million transactions ago. */
static bool reserve(struct ocpp_feed *ocpp)
{
	int64_t end = ocpp->number_end;
	struct error err;

	if (ocpp->number_next < ocpp->number_end)
		return true;
	if (end > INT32_MAX - NUMBERS_RESERVED)
		end = ocpp->number_next = NUMBER_FIRST;
	ocpp->number_end = end + NUMBERS_RESERVED;
	bool saved = save_feed(ocpp, &err) == ERR_OK;

	if (!saved)
		ocpp->number_end = ocpp->number_next;
	arena_clear(&ocpp->scratch);
	return saved;
}

bool ocpp_record_number(void *user, const struct ocpp_start *start, int64_t *ret_number)
{
	struct ocpp_station *station = user;
	struct ocpp_feed *ocpp = station->ocpp;
	char key[BROKER_PSEUDONYM_DIGITS + 1];

	if (!key_of(station, start, key))
		return false;
	for (size_t i = 0; i < station->begun_count; i++)
		if (str_eq(str_from(station->begun[i].key), str_from(key))) {
			*ret_number = station->begun[i].number;
			return true;
		}
	if (!reserve(ocpp))
		return false;
	struct ocpp_begun *begun = new_begun(station);

	begun->number = ocpp->number_next++;
	(void)snprintf(begun->id, sizeof(begun->id), "%lld", (long long)begun->number);
	(void)snprintf(begun->key, sizeof(begun->key), "%s", key);
	*ret_number = begun->number;
	return true;
}
