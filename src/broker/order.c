/* Ordered pages: a walk over all matches keeps the keys and ids of the first offset + limit of them in a heap; a second
 * one, in the same snapshot, reads the documents of the page. Documents are never kept, so what an order costs in
 * memory is BROKER_ORDER_BYTES_MAX at most, whatever the entities weigh. */
#include "broker/read_int.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_FIRST 256

/* ---- the first matches ---- */

static int bytes_cmp(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int order = len ? memcmp(a, b, len) : 0;

	return order ? order : a_len < b_len ? -1 : a_len > b_len;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct sorted_entry *x = a, *y = b;
	int order = bytes_cmp(x->bytes, x->key_len, y->bytes, y->key_len);

	if (order)
		return order;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static void sink(struct sorted *sorted, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= sorted->count)
			return;
		if (child + 1 < sorted->count && entry_cmp(&sorted->entries[child + 1], &sorted->entries[child]) > 0)
			child++;
		if (entry_cmp(&sorted->entries[at], &sorted->entries[child]) >= 0)
			return;
		struct sorted_entry moved = sorted->entries[at];

		sorted->entries[at] = sorted->entries[child];
		sorted->entries[child] = moved;
		at = child;
	}
}

static void make_heap(struct sorted *sorted)
{
	for (size_t at = sorted->count / 2; at > 0; at--)
		sink(sorted, at - 1);
	sorted->heap = true;
}

void sorted_init(struct sorted *sorted, struct matching *matching, const struct order *order, uint64_t keep)
{
	*sorted = (struct sorted){.keep = keep < SIZE_MAX ? (size_t)keep : SIZE_MAX,
				  .bytes_max = BROKER_ORDER_BYTES_MAX,
				  .count_max = BROKER_ORDER_ENTITIES_MAX,
				  .order = order,
				  .scratch = &matching->reader->scratch,
				  .matching = matching};
	buf_init(&sorted->key, ORDER_KEY_BYTES_MAX);
}

void sorted_done(struct sorted *sorted)
{
	for (size_t i = 0; i < sorted->count; i++)
		free(sorted->entries[i].bytes);
	free(sorted->entries);
	buf_done(&sorted->key);
	sorted->entries = NULL;
	sorted->count = 0;
}

static uint64_t entry_bytes(const struct sorted_entry *entry)
{
	return sizeof(*entry) + entry->key_len + entry->id_len;
}

static enum err_code entry_make(struct sorted *sorted, struct str id, struct sorted_entry *entry)
{
	struct str key = buf_str(&sorted->key);

	*entry = (struct sorted_entry){.sequence = sorted->matches,
				       .key_len = (uint32_t)key.len,
				       .id_len = (uint32_t)id.len,
				       .bytes = malloc(key.len + id.len + 1)};
	if (!entry->bytes)
		return err_set(sorted->matching->err, ERR_MEMORY, "no memory to order entities");
	if (key.len)
		memcpy(entry->bytes, key.at, key.len);
	if (id.len)
		memcpy(entry->bytes + key.len, id.at, id.len);
	return ERR_OK;
}

static enum err_code make_room(struct sorted *sorted)
{
	if (sorted->count < sorted->room)
		return ERR_OK;
	size_t room = sorted->room ? sorted->room * 2 : ENTRIES_FIRST;
	struct sorted_entry *grown = realloc(sorted->entries, room * sizeof(*grown));

	if (!grown)
		return err_set(sorted->matching->err, ERR_MEMORY, "no memory to order entities");
	sorted->entries = grown;
	sorted->room = room;
	return ERR_OK;
}

static enum err_code check_bounds(const struct sorted *sorted)
{
	if (sorted->count > sorted->count_max)
		return err_set(sorted->matching->err, ERR_LIMIT, "more than %llu entities to keep in mind",
			       (unsigned long long)sorted->count_max);
	if (sorted->bytes > sorted->bytes_max)
		return err_set(sorted->matching->err, ERR_LIMIT, "more than %llu bytes of ids and values to order by",
			       (unsigned long long)sorted->bytes_max);
	return ERR_OK;
}

/* Takes ownership of the entry's bytes. */
static enum err_code keep_entry(struct sorted *sorted, struct sorted_entry *entry)
{
	if (!sorted->heap) {
		enum err_code code = make_room(sorted);

		if (code != ERR_OK) {
			free(entry->bytes);
			return code;
		}
		sorted->entries[sorted->count++] = *entry;
		sorted->bytes += entry_bytes(entry);
		if (sorted->count == sorted->keep)
			make_heap(sorted);
		return check_bounds(sorted);
	}
	assert(sorted->entries && sorted->count == sorted->keep);
	if (entry_cmp(entry, &sorted->entries[0]) >= 0) {
		free(entry->bytes);
		return ERR_OK;
	}
	sorted->bytes += entry_bytes(entry);
	sorted->bytes -= entry_bytes(&sorted->entries[0]);
	free(sorted->entries[0].bytes);
	sorted->entries[0] = *entry;
	sink(sorted, 0);
	return check_bounds(sorted);
}

bool sorted_take(void *self, const struct json *entity)
{
	struct sorted *sorted = self;
	struct matching *matching = sorted->matching;
	struct sorted_entry entry;
	enum err_code code = ERR_OK;

	if (sorted->keep > 0 && (sorted->order || !sorted->heap)) {
		if (sorted->order)
			code = order_key(sorted->order, sorted->scratch, entity, &sorted->key, matching->err);
		struct str key = buf_str(&sorted->key);
		const struct sorted_entry *worst = sorted->heap ? &sorted->entries[0] : NULL;

		/* Of equals the earlier one stays. */
		if (code == ERR_OK && (!worst || bytes_cmp(key.at, key.len, worst->bytes, worst->key_len) < 0)) {
			code = entry_make(sorted, document_id(entity), &entry);
			if (code == ERR_OK)
				code = keep_entry(sorted, &entry);
		}
	}
	sorted->matches++;
	matching->code = code;
	return code == ERR_OK;
}

void sorted_finish(struct sorted *sorted)
{
	if (sorted->count > 1)
		qsort(sorted->entries, sorted->count, sizeof(*sorted->entries), entry_cmp);
}

struct str sorted_id(const struct sorted *sorted, size_t at)
{
	const struct sorted_entry *entry = &sorted->entries[at];

	return (struct str){entry->bytes + entry->key_len, entry->id_len};
}

/* ---- a page ---- */

struct ordering {
	struct matching *matching;
	const struct broker_page *page;
	struct sorted sorted;
	bool (*visit)(void *self, const struct json *entity);
	void *self;
	struct broker_page_result result;
};

static enum err_code show_page(struct ordering *ordering, uint64_t offset)
{
	struct matching *matching = ordering->matching;
	struct broker_page_result *result = &ordering->result;
	bool more = true;

	matching->visit = ordering->visit;
	matching->self = ordering->self;
	result->first = result->behind = offset;
	for (uint64_t at = offset; more && at < ordering->sorted.count && at - offset < ordering->page->limit; at++) {
		bool shown;
		enum err_code code = matching_get(matching, sorted_id(&ordering->sorted, (size_t)at), &shown, &more);

		if (code != ERR_OK)
			return code;
		result->returned += shown;
		result->last = at;
		result->behind = at + 1;
	}
	return ERR_OK;
}

static enum err_code run_ordering(void *self)
{
	struct ordering *ordering = self;
	struct matching *matching = ordering->matching;
	struct sorted *sorted = &ordering->sorted;
	const struct broker_page *page = ordering->page;
	uint64_t offset = page->offset;

	matching->visit = sorted_take;
	matching->self = sorted;
	enum err_code code = page->map ? map_walk(matching, page->map, !page->map_keeps) : matching_scan(matching, 0);

	if (code != ERR_OK)
		return code;
	sorted_finish(sorted);
	ordering->result.total = sorted->matches;
	if (page->last_when_beyond && page->limit > 0 && sorted->matches > 0 && offset > sorted->matches)
		offset = sorted->matches - 1;
	code = show_page(ordering, offset);
	ordering->result.more = ordering->result.behind < sorted->matches;
	return code;
}

enum err_code order_page(struct matching *matching, const struct broker_page *page,
			 struct broker_page_result *ret_result)
{
	struct ordering ordering = {.matching = matching,
				    .page = page,
				    .visit = matching->visit,
				    .self = matching->self,
				    .result = {.first = page->offset, .behind = page->offset}};
	uint64_t keep = page->limit > UINT64_MAX - page->offset ? UINT64_MAX : page->offset + page->limit;
	bool ran;

	sorted_init(&ordering.sorted, matching, page->order, page->limit ? keep : 0);
	enum err_code code = matching_hold(matching, run_ordering, &ordering, &ran);

	sorted_done(&ordering.sorted);
	if (code == ERR_OK)
		*ret_result = ordering.result;
	return code;
}
