/* What the client is told of a batch over sources: what succeeded anywhere, and every source's errors (5.2.16, 5.2.17).
 */
#include "api/distribute_batch_int.h"

static bool part_created(const struct part *part)
{
	return !part->failed && part->created;
}

static void comma(struct buf *out, bool *first)
{
	if (!*first)
		buf_put_char(out, ',');
	*first = false;
}

/* Of each place in the list: did anything succeed, was it created somewhere? */
struct tally {
	bool *success, *created;
	size_t failures, creations;
};

static void tally_here(const struct batch_distribution *d, struct tally *tally)
{
	const struct batch *batch = d->batch;

	for (size_t i = 0; i < batch->list->count; i++)
		tally->failures += batch_has_error(&batch->outcomes[i]);
	for (size_t i = 0; i < d->own_count; i++) {
		size_t place = batch->places[d->own_items[i]];
		const struct broker_outcome *outcome = &batch->outcomes[place];

		tally->success[place] = tally->success[place] || batch_has_success(outcome);
		tally->created[place] = tally->created[place] || outcome->created;
	}
}

static bool tally_make(const struct batch_distribution *d, struct tally *tally)
{
	const struct batch *batch = d->batch;
	size_t count = batch->list->count;

	*tally = (struct tally){arena_zalloc(d->call->arena, count), arena_zalloc(d->call->arena, count), 0, 0};
	if (!tally->success || !tally->created)
		return false;
	tally_here(d, tally);
	for (const struct group *group = d->groups; group; group = group->next)
		for (const struct part *part = group->parts; part; part = part->next) {
			size_t place = batch->places[part->item];

			tally->failures += part->failed;
			tally->success[place] = tally->success[place] || !part->failed;
			tally->created[place] = tally->created[place] || part_created(part);
		}
	for (size_t i = 0; i < count; i++)
		tally->creations += tally->created[i];
	return true;
}

static void error_open(struct buf *out, struct str id, bool *first)
{
	comma(out, first);
	buf_put(out, STR("{\"entityId\":"));
	json_write_string(out, id);
	buf_put(out, STR(",\"error\":"));
}

static void part_error_write(const struct batch_distribution *d, const struct group *group, const struct part *part,
			     struct buf *out, bool *first)
{
	const struct share share = {.source = group->source, .loops = part->loops};

	error_open(out, d->batch->ids[d->batch->places[part->item]], first);
	if (part->problem.at)
		buf_put(out, part->problem);
	else if (part->forward)
		(void)forward_problem_write(part->forward, out);
	else
		(void)share_conflict_write(&share, distribute_batch_operation(d->batch), out);
	buf_put(out, STR(",\"registrationId\":"));
	json_write_string(out, source_id(group->source));
	buf_put_char(out, '}');
}

/* The ids of those places that were chosen. */
static void ids_write(const struct batch *batch, const bool *chosen, struct buf *out)
{
	bool first = true;

	buf_put_char(out, '[');
	for (size_t i = 0; i < batch->list->count; i++) {
		if (!chosen[i])
			continue;
		comma(out, &first);
		json_write_string(out, batch->ids[i]);
	}
	buf_put_char(out, ']');
}

static void result_write(const struct batch_distribution *d, const struct tally *tally, struct buf *out)
{
	const struct batch *batch = d->batch;
	bool first = true;

	buf_put(out, STR("{\"success\":"));
	ids_write(batch, tally->success, out);
	buf_put(out, STR(",\"errors\":["));
	for (const struct group *group = d->groups; group; group = group->next)
		for (const struct part *part = group->parts; part; part = part->next)
			if (part->failed)
				part_error_write(d, group, part, out, &first);
	for (size_t i = 0; i < batch->list->count; i++) {
		if (!batch_has_error(&batch->outcomes[i]))
			continue;
		error_open(out, batch->ids[i], &first);
		batch_error_write(out, &batch->outcomes[i]);
		buf_put_char(out, '}');
	}
	buf_put(out, STR("]}"));
}

void distribute_batch_answer(struct batch_distribution *d)
{
	struct call *call = d->call;
	struct tally tally;
	struct buf out;

	if (!tally_make(d, &tally)) {
		answer_error(call, err_set(&call->error, ERR_MEMORY, "no memory for the parts of a batch"),
			     &call->error);
		return;
	}
	if (tally.failures == 0 && tally.creations == 0) {
		answer_empty(call, 204);
		return;
	}
	buf_init(&out, call->api->options.answer_bytes_max);
	if (tally.failures > 0)
		result_write(d, &tally, &out);
	else
		ids_write(d->batch, tally.created, &out);
	if (!out.failed) {
		answer_buf(call, tally.failures > 0 ? 207 : 201, STR("application/json"), &out);
		return;
	}
	buf_done(&out);
	answer_problem(call, PROBLEM_TOO_MANY_RESULTS, "the result of this batch is too large an answer");
}
