/* Any two lines as a snapshot and a fragment for it: refused with a reason, or kept, merged, shown and asked without
 * harm. What is kept, merged or shown is a snapshot again. */
#include "document_fuzz.h"
#include "ngsild/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err_code check(const struct json *document, bool fragment, int64_t now_us, struct error *err)
{
	(void)now_us;
	return snapshot_check(document, fragment ? SNAPSHOT_TO_UPDATE : SNAPSHOT_TO_CREATE, err);
}

static enum err_code merge(struct arena *arena, const struct json *document, const struct json *fragment,
			   int64_t now_us, struct json **ret_document, struct error *err)
{
	(void)now_us;
	return snapshot_merge(arena, document, fragment, ret_document, err);
}

static const struct snapshot_state state = {
	.status = SNAPSHOT_PARTIAL, .created_us = 1, .modified_us = 2, .expires_us = NOW_US, .last_used_us = 3};

static enum err_code represent(struct query_fuzz *fuzz, struct buf *out, struct arena *arena,
			       const struct json *document, struct error *err)
{
	struct json *renamed = NULL;
	enum err_code code = snapshot_rename(arena, document, fuzz->core, NULL, &renamed, err);

	return code ? code : snapshot_represent(out, arena, renamed, fuzz->core, &state, fuzz->core, NULL, err);
}

/* Whatever it is, it is a partial one that was created before it was modified. */
static void ask(struct query_fuzz *fuzz, struct arena *arena, const struct json *document)
{
	const struct query_text text = {.q = STR("snapshotStatus==\"partial\";createdAt<1980-01-01T00:00:00Z")};
	struct json *members = NULL;
	struct query *query = NULL;
	struct error err;

	if (snapshot_members(arena, document, &state, fuzz->core, &members, &err) != ERR_OK ||
	    query_new(arena, fuzz->parser, &text, fuzz->core, &query, &err) != ERR_OK ||
	    !snapshot_query_fits(query, fuzz->core, arena) || !query_matches(query, members))
		abort();
	query_done(query);
}

static const struct document_fuzz kind = {
	.check = check, .keep = snapshot_keep, .merge = merge, .represent = represent, .compile = ask};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return run_lines(&kind, data, size);
}
