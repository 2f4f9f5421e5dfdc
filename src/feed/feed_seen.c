/* What was told before: two sets of numbers, of the last round and of this one. */
#include "feed/feed_seen.h"

#include <stdlib.h>
#include <string.h>

#define ENTITY_BYTES_MAX ((size_t)1 << 20)
#define ROOM_FIRST 1024u
#define EMPTY 0u
#define GONE 1u /* there was one; a search goes on behind it */
#define TAG_MIN 2u

struct set { /* open addressing, at most half full */
	uint64_t *slots; /* owned; a power of two of them */
	size_t room, used; /* used: with those that are gone */
	size_t count;
};

struct feed_seen {
	struct set last, now;
	struct buf text;
};

/* ---- a set ---- */

static uint64_t *find(const struct set *set, uint64_t tag)
{
	for (size_t i = (size_t)tag & (set->room - 1); set->room; i = (i + 1) & (set->room - 1)) {
		if (set->slots[i] == tag)
			return &set->slots[i];
		if (set->slots[i] == EMPTY)
			return NULL;
	}
	return NULL;
}

static void put(struct set *set, uint64_t tag)
{
	size_t i = (size_t)tag & (set->room - 1);

	while (set->slots[i] != EMPTY)
		i = (i + 1) & (set->room - 1);
	set->slots[i] = tag;
	set->used++;
	set->count++;
}

static bool grow(struct set *set)
{
	struct set larger = {.room = set->room ? set->room : ROOM_FIRST};

	while (larger.room < 4 * (set->count + 1))
		larger.room *= 2;
	larger.slots = calloc(larger.room, sizeof(*larger.slots));
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < set->room; i++)
		if (set->slots[i] >= TAG_MIN)
			put(&larger, set->slots[i]);
	free(set->slots);
	*set = larger;
	return true;
}

/* Where there is no memory it stays unknown. */
static void add(struct set *set, uint64_t tag)
{
	if (set->count >= FEED_SEEN_MAX || find(set, tag))
		return;
	if (2 * (set->used + 1) > set->room && !grow(set))
		return;
	put(set, tag);
}

static void forget(struct set *set, uint64_t tag)
{
	uint64_t *slot = find(set, tag);

	if (!slot)
		return;
	*slot = GONE;
	set->count--;
}

/* ---- rounds ---- */

struct feed_seen *feed_seen_new(void)
{
	struct feed_seen *seen = calloc(1, sizeof(*seen));

	if (seen)
		buf_init(&seen->text, ENTITY_BYTES_MAX);
	return seen;
}

struct feed_seen *feed_seen_free(struct feed_seen *seen)
{
	if (!seen)
		return NULL;
	free(seen->last.slots);
	free(seen->now.slots);
	buf_done(&seen->text);
	free(seen);
	return NULL;
}

static bool has_time(const struct json *entity)
{
	for (size_t i = 0; i < entity->count; i++) {
		const struct json *value = &entity->members[i].value;

		if (json_get(value, STR("observedAt")) || json_get(json_at(value, 0), STR("observedAt")))
			return true;
	}
	return false;
}

uint64_t feed_seen_tag(struct feed_seen *seen, const struct json *entity)
{
	uint64_t tag;

	if (!json_is(entity, JSON_OBJECT) || !has_time(entity))
		return 0;
	buf_clear(&seen->text);
	json_write(&seen->text, entity);
	if (seen->text.failed)
		return 0;
	tag = str_hash(buf_str(&seen->text), (uint64_t)(uintptr_t)seen);
	return tag < TAG_MIN ? TAG_MIN : tag;
}

bool feed_seen_knows(struct feed_seen *seen, uint64_t tag)
{
	if (find(&seen->now, tag))
		return true;
	if (!find(&seen->last, tag))
		return false;
	add(&seen->now, tag);
	return true;
}

void feed_seen_add(struct feed_seen *seen, uint64_t tag)
{
	add(&seen->now, tag);
}

void feed_seen_forget(struct feed_seen *seen, uint64_t tag)
{
	forget(&seen->now, tag);
	forget(&seen->last, tag);
}

void feed_seen_end_round(struct feed_seen *seen)
{
	struct set old = seen->last;

	seen->last = seen->now;
	seen->now = old;
	if (old.slots)
		memset(old.slots, 0, old.room * sizeof(*old.slots));
	seen->now.used = seen->now.count = 0;
}
