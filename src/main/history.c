/* Walking through a history: subjects, their series, pages of their instances.
 *
 * A page ends where the time changes, never between instances of the same time: the next page can then begin at a time.
 * Where more instances than a page has are of one time, the page grows until it holds them. */
#include "main/history.h"

#define PAGE_BYTES_MAX ((size_t)1 << 30)
#define SERIES_BYTES_MAX ((size_t)256 << 20)
#define PAGE_GROWTH 8u

struct walk {
	struct store_reader *reader;
	const struct history_request *request;
	enum err_code (*take)(void *self, const struct history_page *page, struct error *err);
	void *self;
	struct arena series_arena; /* of a subject */
	struct arena page_arena; /* of a page */
	struct error *err;
	enum err_code code;
};

static int64_t property_of(enum store_time by, const struct store_instance *instance)
{
	switch (by) {
	case STORE_OBSERVED_AT:
		return instance->observed_us;
	case STORE_CREATED_AT:
		return instance->created_us;
	case STORE_MODIFIED_AT:
		return instance->modified_us;
	case STORE_DELETED_AT:
		break;
	}
	return instance->deleted_us;
}

int64_t history_time(const struct store_window *window, const struct store_instance *instance)
{
	int64_t us = property_of(window->by, instance);

	return us == STORE_NO_TIME ? instance->modified_us : us;
}

static bool is_among(struct str text, const struct str *wanted, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(text, wanted[i]))
			return true;
	return count == 0;
}

/* The store narrows; here it is decided. */
static bool is_wanted(const struct history_request *request, const struct store_subject *subject)
{
	if (!is_among(subject->id, request->ids, request->id_count))
		return false;
	for (size_t i = 0; i < subject->type_count; i++)
		if (is_among(subject->types[i], request->type_iris, request->type_count))
			return true;
	return request->type_count == 0;
}

/* How many instances have a time before the last one's. */
static size_t before_last_time(const struct store_window *window, const struct store_instances *instances)
{
	size_t count = instances->count;
	int64_t last_us = history_time(window, &instances->at[count - 1]);

	while (count > 0 && history_time(window, &instances->at[count - 1]) == last_us)
		count--;
	return count;
}

static enum err_code walk_series(struct walk *walk, const struct store_subject *subject,
				 const struct store_series *series)
{
	struct store_window window = walk->request->window;
	struct store_instances instances = {.more = true};
	uint32_t room = walk->request->page_max;

	while (instances.more) {
		arena_clear(&walk->page_arena);
		enum err_code code =
			store_series_read(walk->reader, subject->id, series->attribute_iri, series->dataset_id, &window,
					  false, room, &walk->page_arena, &instances, walk->err);

		if (code || instances.count == 0)
			return code;
		struct history_page page = {subject, series, instances.at, instances.count, &walk->page_arena};

		if (instances.more)
			page.count = before_last_time(&window, &instances);
		if (page.count == 0 && room >= HISTORY_SAME_TIME_MAX)
			return err_set(walk->err, ERR_LIMIT, "%.*s has more than %u instances of one time",
				       STR_FMT(series->attribute_iri), HISTORY_SAME_TIME_MAX);
		if (page.count == 0) {
			room *= PAGE_GROWTH;
			continue;
		}
		window.from_us = history_time(&window, &instances.at[instances.count - 1]);
		room = walk->request->page_max;
		code = walk->take(walk->self, &page, walk->err);
		if (code)
			return code;
	}
	return ERR_OK;
}

static bool walk_subject(void *self, int64_t number, const struct store_subject *subject)
{
	struct walk *walk = self;
	const struct store_series *series = NULL;
	size_t count = 0;

	(void)number;
	if (!is_wanted(walk->request, subject))
		return true;
	arena_clear(&walk->series_arena);
	walk->code = store_series_list(walk->reader, subject->id, &walk->series_arena, &series, &count, walk->err);
	for (size_t i = 0; i < count && !walk->code; i++)
		if (is_among(series[i].attribute_iri, walk->request->attribute_iris, walk->request->attribute_count))
			walk->code = walk_series(walk, subject, &series[i]);
	if (walk->code)
		walk->code = err_while(walk->err, "reading the history of %.*s", STR_FMT(subject->id));
	return walk->code == ERR_OK;
}

enum err_code history_each(struct store_reader *reader, const struct history_request *request,
			   enum err_code (*take)(void *self, const struct history_page *page, struct error *err),
			   void *self, struct error *err)
{
	struct walk walk = {.reader = reader, .request = request, .take = take, .self = self, .err = err};
	const struct narrow narrow = {.type_iris = request->type_iris,
				      .type_count = request->type_count,
				      .ids = request->ids,
				      .id_count = request->id_count};

	arena_init(&walk.series_arena, SERIES_BYTES_MAX);
	arena_init(&walk.page_arena, PAGE_BYTES_MAX);
	enum err_code code = store_subject_each(reader, &narrow, 0, walk_subject, &walk, err);

	arena_done(&walk.page_arena);
	arena_done(&walk.series_arena);
	return walk.code ? walk.code : code;
}
