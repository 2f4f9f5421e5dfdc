/* Which registrations a question can concern (ngsild/registration.h says by which keys), found under a short lock:
 * what is found is held and matched outside of it. */
#include "broker/registrations_int.h"

#include <assert.h>

static_assert(REGISTRATION_KEY_COUNT <= KEY_KINDS_MAX, "a kind each");

/* ---- standing there ---- */

struct placing {
	struct registrations *all;
	struct registered *one;
};

static bool place(void *self, enum registration_key kind, struct str key)
{
	const struct placing *placing = self;

	return key_index_add(&placing->all->index, kind, key, placing->one, &placing->one->standing);
}

bool registration_index_add(struct registrations *all, struct registered *one)
{
	struct placing placing = {all, one};

	if (registration_each_key(one->registration, place, &placing))
		return true;
	registration_index_remove(one);
	return false;
}

void registration_index_remove(struct registered *one)
{
	key_index_remove(&one->standing, one);
}

/* ---- found ---- */

struct look {
	struct registrations *all;
	size_t count; /* of those that stand under the keys, some of them twice */
	const struct registration_wish *wish;
	struct registered_list *list;
};

typedef bool each_key(const struct registration_question *question, registration_key_visit *visit, void *self);

static bool weigh(void *self, enum registration_key kind, struct str key)
{
	struct look *look = self;

	look->count += key_index_find(&look->all->index, kind, key).count;
	return true;
}

static void take(struct look *look, struct registered *one)
{
	if (one->seen == look->all->looks)
		return;
	one->seen = look->all->looks;
	if (!look->wish || look->wish->wants(look->wish->self, one))
		look->list->at[look->list->count++] = registered_ref(one);
}

static bool take_those(void *self, enum registration_key kind, struct str key)
{
	struct look *look = self;
	const struct key_list list = key_index_find(&look->all->index, kind, key);

	for (size_t i = 0; i < list.count; i++)
		take(look, list.at[i]);
	return true;
}

static void take_all(struct look *look)
{
	struct str key;
	void *value;

	for (size_t at = 0; map_each(&look->all->by_id, &at, &key, &value);)
		take(look, value);
}

/* The shorter way; NULL: all of them are the shortest. */
static each_key *choose(struct registrations *all, const struct registration_question *question, size_t *ret_count)
{
	static each_key *const ways[] = {registration_each_entity_key, registration_each_attribute_key,
					 registration_each_mixed_key};
	each_key *chosen = NULL;

	*ret_count = all->by_id.count;
	for (size_t i = 0; question && i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct look look = {.all = all};

		if (!ways[i](question, weigh, &look) || look.count >= *ret_count)
			continue;
		*ret_count = look.count;
		chosen = ways[i];
	}
	return chosen;
}

bool registrations_candidates(struct registrations *all, const struct registration_question *question,
			      const struct registration_wish *wish, struct arena *arena, struct registered_list *ret)
{
	struct registered_list list = {.at = NULL};
	struct look look = {.all = all, .wish = wish, .list = &list};
	size_t room;

	(void)pthread_mutex_lock(&all->lock);
	each_key *way = choose(all, question, &room);

	list.at = arena_array(arena, struct registered *, room);
	all->looks++;
	if (list.at && way)
		(void)way(question, take_those, &look);
	else if (list.at)
		take_all(&look);
	(void)pthread_mutex_unlock(&all->lock);
	*ret = list;
	return list.at != NULL;
}

/* ---- conflicts ---- */

struct rivalry {
	const struct registrations *all;
	const struct registered *one;
	int64_t now_us;
	const struct registered *found;
};

/* Another of the same id is what this one takes the place of. */
static bool conflicts(const struct rivalry *rivalry, const struct registered *other)
{
	return !str_eq(registered_id(rivalry->one), registered_id(other)) &&
	       !registered_expired(other, rivalry->now_us) &&
	       registration_conflicts(rivalry->one->registration, other->registration);
}

static bool look_for_rival(void *self, enum registration_key kind, struct str key)
{
	struct rivalry *rivalry = self;
	const struct key_list list = key_index_find(&rivalry->all->index, kind, key);

	for (size_t i = 0; i < list.count && !rivalry->found; i++)
		if (conflicts(rivalry, list.at[i]))
			rivalry->found = list.at[i];
	return !rivalry->found;
}

static void look_at_all(struct rivalry *rivalry)
{
	struct str key;
	void *value;

	for (size_t at = 0; !rivalry->found && map_each(&rivalry->all->by_id, &at, &key, &value);)
		if (conflicts(rivalry, value))
			rivalry->found = value;
}

const struct registered *registrations_rival(const struct registrations *all, const struct registered *one,
					     int64_t now_us)
{
	struct rivalry rivalry = {all, one, now_us, NULL};

	if (!registration_each_rival_key(one->registration, look_for_rival, &rivalry))
		look_at_all(&rivalry);
	return rivalry.found;
}
