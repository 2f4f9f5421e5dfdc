/* Which subscriptions a change of a registration concerns, and why: each of them is asked. There are few of those to
 * registrations, and they stay compiled. */
#include "broker/registration_events_int.h"

enum err_code registration_events(struct subscriptions *all, enum subscription_kind kind,
				  const struct registration_change *change, struct json_parser *parser,
				  enum err_code (*visit)(void *self, const struct registration_event *event,
							 struct error *err),
				  void *self, struct error *err)
{
	struct registration_question question;
	struct registration_event event = {.change = change, .question = &question};
	struct str key;
	void *value;
	size_t at = 0;
	enum err_code code = ERR_OK;

	while (code == ERR_OK && map_each(&all->by_name[kind], &at, &key, &value)) {
		event.one = value;
		code = subscriptions_use(all, event.one, change->now_us, parser, &event.compiled, err);
		if (code != ERR_OK)
			break;
		subscription_question(event.compiled->subscription, &question);
		event.reason = registration_trigger(change->before, change->after, &question, change->now_us);
		if (event.reason != TRIGGER_NONE)
			code = visit(self, &event, err);
	}
	return code;
}
