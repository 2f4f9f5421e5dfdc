/* A q for another @context: the parser tells where names stand, and the text between them stays as it is. */
#include "ngsild/linked.h"
#include "ngsild/query_int.h"

#define Q_BYTES_MAX ((size_t)1 << 20)

static enum err_code write(struct arena *arena, struct str q, const struct list *names, const struct context *to,
			   struct str *ret_q, struct error *err)
{
	struct buf out;
	size_t at = 0;

	buf_init(&out, Q_BYTES_MAX);
	for (size_t i = 0; i < names->count; i++) {
		const struct scanned_name *name = (const struct scanned_name *)(const void *)names->at + i;

		buf_put(&out, str_part(q, at, name->at));
		buf_put(&out, context_compact(to, arena, name->iri));
		at = name->at + name->len;
	}
	buf_put(&out, str_part(q, at, q.len));
	enum err_code code = buf_check(&out, "a query for another source", err);

	if (code == ERR_OK) {
		*ret_q = arena_dup(arena, buf_str(&out));
		code = ret_q->at ? ERR_OK : err_set(err, ERR_MEMORY, "no memory for a query");
	}
	buf_done(&out);
	return code;
}

enum err_code query_rename_q(struct arena *arena, struct json_parser *parser, struct str q, const struct context *from,
			     const struct context *to, struct str *ret_q, struct error *err)
{
	struct query *query = arena_new(arena, struct query);
	struct list names = {NULL, 0, 0};
	struct q_node *root = NULL;
	struct scan scan = {.name = "q",
			    .text = q,
			    .arena = arena,
			    .parser = parser,
			    .context = from,
			    .query = query,
			    .names = &names,
			    .err = err};

	if (!query)
		return err_set(err, ERR_MEMORY, "no memory for a query");
	query->linked_levels = LINKED_LEVELS_MAX;
	enum err_code code = query_parse_q(&scan, &root);

	if (code == ERR_OK)
		code = write(arena, q, &names, to, ret_q, err);
	query_done(query);
	return code;
}
