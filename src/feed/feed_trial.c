/* What a feed would make of a message: its mappings, without its peer and without the store. */
#include "feed/feed_int.h"

#include "base/cleanup.h"

#define TRIAL_BYTES_MAX ((size_t)256 << 20)

DEFINE_CLEANUP(struct feed *, feed);

enum err_code feed_try(const struct feed_trial *trial, const struct yaml_tree *document, bool from_mapping,
		       struct str topic, struct str payload, struct error *err)
{
	CLEANUP(feed) struct feed *feed = feed_new();
	struct arena scratch;

	if (!feed)
		return err_set(err, ERR_MEMORY, "no memory for a feed");
	enum err_code code = from_mapping ? feed_read_mapping(feed, document, err) : feed_read(feed, document, err);

	if (code)
		return code;
	if (feed->kind && feed->kind->maps_itself && !feed->kind->try_message)
		return err_set(err, ERR_UNSUPPORTED, "there is no dry run of feeds of kind \"%s\"", feed->kind->name);
	feed->parser = json_parser_new();
	if (!feed->parser)
		return err_set(err, ERR_MEMORY, "no memory for a feed");
	const struct json url = json_string(feed->context_url);

	if (feed->context_url.len == 0)
		feed->context = context_ref(broker_core_context(trial->broker));
	else
		code = broker_context(trial->broker, &url, NULL, NULL, &feed->context, err);
	if (code)
		return code;
	arena_init(&scratch, TRIAL_BYTES_MAX);
	feed->trial = trial;
	feed->scratch = &scratch;
	if (feed->kind && feed->kind->try_message)
		feed->kind->try_message(feed, topic, payload);
	else
		feed_take_as(feed, feed_format_of(feed, STR_NONE), topic, payload);
	arena_done(&scratch);
	return ERR_OK;
}
