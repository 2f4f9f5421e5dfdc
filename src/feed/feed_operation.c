/* Operations of kinds that know what the store has of their entities, on their way into it. */
#include "feed/feed_fetch_int.h"

enum err_code feed_add_operation(struct feed *feed, enum broker_operation operation, struct str id,
				 const struct json *entity, struct error *err)
{
	if (!feed_wait_for_room(feed))
		return err_set(err, ERR_CONFLICT, "the feed is being stopped");
	if (!intake_add_operation(feed->intake, operation, id, entity))
		return err_set(err, ERR_MEMORY, "no memory for an entity");
	return ERR_OK;
}

bool feed_settle(struct feed *feed)
{
	intake_turn(feed->intake);
	while (feed_goes_on(feed) && !intake_is_idle(feed->intake)) {
		feed_show(feed, feed->own.state, NULL);
		feed_wait(feed, NULL, intake_deadline_ms(feed->intake));
		intake_turn(feed->intake);
	}
	return feed_goes_on(feed);
}
