/* What both kinds of store need to know of instances. */
#ifndef MACHI_STORE_TEMPORAL_INT_H
#define MACHI_STORE_TEMPORAL_INT_H

#include "store/store_int.h"

/* An instance's document, as the history keeps it, as an instance: at_us is when a deletion happened, else not looked
 * at. The document must live as long as the instance; its shape is made in the arena. */
MUST_CHECK enum err_code store_instance_read(struct arena *arena, const struct json *document, enum change_kind kind,
					     int64_t at_us, int64_t number, struct store_instance *ret,
					     struct error *err);

/* Does an instance of the history say what this one says, which was observed at observed_us, stamps aside? Deletions
 * say nothing. The arena is for scratch. */
MUST_CHECK enum err_code store_instance_says(struct arena *arena, const struct store_instance *there,
					     const struct json *instance, int64_t observed_us, bool *ret_says,
					     struct error *err);

/* A corrected instance as a document: with the datasetId and createdAt of the one before, modified at now_us. */
MUST_CHECK enum err_code store_instance_correct(struct arena *arena, const struct json *before,
						const struct json *instance, int64_t now_us, struct json **ret,
						struct error *err);

/* The moment by which instances of a window are ordered; false: it is not in the window. */
bool store_window_at_us(const struct store_window *window, const struct store_instance *instance, int64_t *ret_us);

/* A growing list of instances of which only the first count_max + 1 of a window's order matter (the last ones with
 * `latest`): what cannot be among them is dropped now and then, so that it never holds more than twice as many. */
struct instance_list {
	const struct store_window *window;
	bool latest;
	uint32_t count_max;
	struct store_instance *at; /* owned */
	size_t count, room;
	int64_t bound_us; /* what lies behind (before, with `latest`) this cannot be wanted */
	bool bounded;
};

void instance_list_init(struct instance_list *list, const struct store_window *window, bool latest, uint32_t count_max);
void instance_list_done(struct instance_list *list);
/* False when memory was refused. What is not in the window is left out. */
MUST_CHECK bool instance_list_add(struct instance_list *list, const struct store_instance *instance);
/* Sorts, cuts and copies into the arena. */
MUST_CHECK enum err_code instance_list_take(struct instance_list *list, struct arena *arena,
					    struct store_instances *ret, struct error *err);

/* Adds an instance's value to the period that it lies in, if any. */
MUST_CHECK enum err_code store_sums_add(const struct store_instance *instance, enum store_time by, const int64_t *edges,
					size_t count, struct series_sums *sums, struct error *err);

#endif
