/* What the fuzz targets of documents share that clients send and change: any two lines as a document and a fragment for
 * it are refused with a reason, or kept, merged, shown and compiled without harm, and are such a document again. */
#ifndef MACHI_TESTS_DOCUMENT_FUZZ_H
#define MACHI_TESTS_DOCUMENT_FUZZ_H

#include "query_fuzz.h"

#define NOW_US INT64_C(1800000000000000)

struct document_fuzz { /* of one kind of documents */
	enum err_code (*check)(const struct json *document, bool fragment, int64_t now_us, struct error *err);
	enum err_code (*keep)(struct arena *arena, const struct json *document, struct json **ret_document,
			      struct error *err);
	enum err_code (*merge)(struct arena *arena, const struct json *document, const struct json *fragment,
			       int64_t now_us, struct json **ret_document, struct error *err);
	/* As clients get it; the buffer checks itself. */
	enum err_code (*represent)(struct query_fuzz *fuzz, struct buf *out, struct arena *arena,
				   const struct json *document, struct error *err);
	void (*compile)(struct query_fuzz *fuzz, struct arena *arena, const struct json *document);
	bool hides; /* what is shown stands for what is kept in an update alone */
};

static inline void check_reason(enum err_code code, const struct error *err)
{
	assert(code == err->code && code != ERR_INTERNAL && err->detail[0]);
}

static inline void check_good(const struct document_fuzz *kind, const struct json *document)
{
	struct error err;

	if (kind->check(document, false, INT64_MIN, &err) != ERR_OK)
		abort();
}

/* What is shown may be sent back. */
static inline void check_update(const struct document_fuzz *kind, struct arena *arena, const struct json *document,
				const struct json *fragment)
{
	struct json *merged = NULL;
	struct error err;

	if (kind->check(fragment, true, INT64_MIN, &err) != ERR_OK ||
	    kind->merge(arena, document, fragment, INT64_MIN, &merged, &err) != ERR_OK)
		abort();
	check_good(kind, merged);
}

static inline void show(const struct document_fuzz *kind, struct query_fuzz *fuzz, struct arena *arena,
			const struct json *document)
{
	struct error err;
	struct json *tree;
	struct buf out;

	buf_init(&out, 1 << 22);
	if (kind->represent(fuzz, &out, arena, document, &err) != ERR_OK || out.failed ||
	    json_parse(fuzz->parser, arena, buf_str(&out), NULL, &tree, &err) != ERR_OK)
		abort();
	if (kind->hides)
		check_update(kind, arena, document, tree);
	else
		check_good(kind, tree);
	buf_done(&out);
}

static inline void run_documents(const struct document_fuzz *kind, struct query_fuzz *fuzz, struct arena *arena,
				 const struct json *document, const struct json *fragment)
{
	struct json *kept = NULL, *merged = NULL;
	struct error err = {.code = ERR_OK};
	enum err_code code = kind->check(document, false, NOW_US, &err);

	if (code) {
		check_reason(code, &err);
		return;
	}
	if (kind->keep(arena, document, &kept, &err) != ERR_OK)
		abort();
	check_good(kind, kept);
	show(kind, fuzz, arena, kept);
	kind->compile(fuzz, arena, kept);
	code = fragment ? kind->check(fragment, true, NOW_US, &err) : ERR_INVALID;
	if (code)
		return;
	code = kind->merge(arena, kept, fragment, NOW_US, &merged, &err);
	if (code) {
		check_reason(code, &err);
		return;
	}
	check_good(kind, merged);
	kind->compile(fuzz, arena, merged);
}

static inline int run_lines(const struct document_fuzz *kind, const uint8_t *data, size_t size)
{
	struct query_fuzz *fuzz = query_fuzz_ready();
	struct str rest = {(const char *)data, size}, first = STR_NONE, second = STR_NONE;
	struct json *document = NULL, *fragment = NULL;
	struct error err;
	struct arena arena;

	(void)str_next(&rest, '\n', &first);
	(void)str_next(&rest, '\n', &second);
	arena_init(&arena, 1 << 24);
	if (json_parse(fuzz->parser, &arena, first, NULL, &document, &err) == ERR_OK) {
		if (json_parse(fuzz->parser, &arena, second, NULL, &fragment, &err) != ERR_OK)
			fragment = NULL;
		run_documents(kind, fuzz, &arena, document, fragment);
	}
	arena_done(&arena);
	return 0;
}

#endif
