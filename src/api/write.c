/* Handing a change to the broker: submit, suspend, answer when it is durable. Between submission and done() the
 * request's arena belongs to the writer's thread. */
#include "api/api_int.h"

void call_ended(struct call *call, enum err_code code, const struct error *err)
{
	call->write_code = code;
	if (code != ERR_OK && err)
		call->error = *err;
	http_request_wake(call->request);
}

static void on_done(struct broker_write *write, enum err_code code, const struct error *err)
{
	call_ended(write->self, code, err);
}

static void on_woken(struct http_request *request)
{
	struct call *call = http_request_state(request);

	call->resume(call);
}

void call_wait(struct call *call, void (*resume)(struct call *call))
{
	call->resume = resume;
	http_request_suspend(call->request, on_woken);
}

void call_write(struct call *call, struct broker_item *items, size_t count, void (*answer)(struct call *call))
{
	struct broker *broker = call->api->options.broker;
	struct store *store = NULL;
	enum err_code code = broker_tenant(broker, call->tenant, call->operation->creates_tenant, &store, &call->error);

	call->write = (struct broker_write){
		.items = items, .item_count = count, .arena = call->arena, .done = on_done, .self = call};
	if (code == ERR_OK)
		code = broker_submit(broker, store, &call->write, &call->error);
	if (code != ERR_OK)
		answer_error(call, code, &call->error);
	else
		call_wait(call, answer);
}

bool call_written(struct call *call)
{
	const struct broker_outcome *outcome = &call->write.items[0].outcome;

	if (call->write_code != ERR_OK) {
		answer_error(call, call->write_code, &call->error);
		return false;
	}
	if (outcome->code != ERR_OK) {
		answer_error(call, outcome->code, &outcome->error);
		return false;
	}
	return true;
}
