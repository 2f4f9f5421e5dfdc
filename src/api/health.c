/* /health: the process answers. /ready: it also takes work (opened, not draining). */
#include "api/api_int.h"

void show_health(struct call *call)
{
	(void)http_response_header(call->request, "Cache-Control", STR("no-store"));
	answer_text(call, 200, STR("application/json"), STR("{\"status\":\"ok\"}"));
}

void show_ready(struct call *call)
{
	(void)http_response_header(call->request, "Cache-Control", STR("no-store"));
	if (atomic_load(&call->api->ready))
		answer_text(call, 200, STR("application/json"), STR("{\"status\":\"ready\"}"));
	else
		answer_text(call, 503, STR("application/json"), STR("{\"status\":\"not ready\"}"));
}
