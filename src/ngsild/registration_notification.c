/* Why registrations are told of, and how they stand in a notification (5.3.2, 5.3.3, 5.11.7). */
#include "ngsild/registration_notification.h"

#include "ngsild/represent_int.h"
#include "ngsild/subscription_int.h"

#include <assert.h>

enum trigger_reason registration_trigger(const struct registration *before, const struct registration *after,
					 struct registration_question *question, int64_t now_us)
{
	question->now_us = INT64_MIN; /* nothing has expired by then */
	bool was = before && registration_matches(before, question);

	question->now_us = now_us;
	bool is = after && registration_matches(after, question);

	if (was)
		return is ? TRIGGER_UPDATED : TRIGGER_NO_LONGER_MATCHING;
	return is ? TRIGGER_NEWLY_MATCHING : TRIGGER_NONE;
}

struct str trigger_reason_name(enum trigger_reason reason)
{
	assert(reason != TRIGGER_NONE);
	return reason == TRIGGER_NEWLY_MATCHING ? STR("newlyMatching")
	       : reason == TRIGGER_UPDATED      ? STR("updated")
						: STR("noLongerMatching");
}

enum err_code notification_registration(struct buf *out, struct arena *scratch, const struct notification_frame *frame,
					const struct context *core, const struct json *document,
					const struct registration_state *state, struct error *err)
{
	const struct registration_show show = {.context = frame->context,
					       .sys_attrs = frame->subscription->represent.sys_attrs};
	enum err_code code = registration_represent(out, scratch, document, core, state, &show, err);

	put(out, STR(","));
	return code;
}
