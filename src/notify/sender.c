/* Notifications as requests. Source: GS CIM 009 V1.9.1 clauses 5.2.15, 5.2.22, 5.8.6, 6.3.5, 6.3.8, 6.3.14, 6.3.22. */
#include "notify/notify_int.h"

#include "json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000u /* where the endpoint names none */
#define TIMEOUT_MS_MAX 60000u /* whatever it names (5.2.15: the system can override it) */
#define LINK_REL "http://www.w3.org/ns/json-ld#context"
#define CONNECTIONS_MAX 1024u
#define HOST_CONNECTIONS_MAX 16u
#define TURN_MS 2u

enum err_code senders_new(struct notifier *notifier, struct error *err)
{
	const struct http_sender_options http = {.policy = notifier->options.policy,
						 .connections_max = CONNECTIONS_MAX,
						 .host_connections_max = HOST_CONNECTIONS_MAX};
	const struct mqtt_sender_options mqtt = {.policy = notifier->options.policy};
	enum err_code code = http_sender_new(&http, &notifier->http, err);

	return code ? code : mqtt_sender_new(&mqtt, &notifier->mqtt, err);
}

void senders_free(struct notifier *notifier)
{
	if (notifier->http)
		notifier->http = http_sender_free(notifier->http);
	if (notifier->mqtt)
		notifier->mqtt = mqtt_sender_free(notifier->mqtt);
}

/* Both wait for the network by themselves: while something is under way over MQTT, they take turns. */
void senders_run(struct notifier *notifier, uint32_t timeout_ms)
{
	bool both = notifier->publishing > 0;
	struct error err;

	if (both && timeout_ms > TURN_MS)
		timeout_ms = TURN_MS;
	if (both && mqtt_sender_run(notifier->mqtt, notifier->sending > notifier->publishing ? 0 : timeout_ms, &err))
		notify_complain(notifier, STR_NONE, &err);
	if (both && notifier->sending == notifier->publishing)
		timeout_ms = 0;
	if (http_sender_run(notifier->http, timeout_ms, &err))
		notify_complain(notifier, STR_NONE, &err);
}

void senders_wake(struct notifier *notifier)
{
	if (notifier->http)
		http_sender_wake(notifier->http);
}

static const char link_format[] = "<%.*s>; rel=\"" LINK_REL "\"; type=\"application/ld+json\"";

static struct str media_of(enum subscription_accept accept)
{
	switch (accept) {
	case SUBSCRIPTION_JSON_LD:
		return STR("application/ld+json");
	case SUBSCRIPTION_GEO_JSON:
		return STR("application/geo+json");
	default:
		return STR("application/json");
	}
}

static bool is_named(const struct subscription_endpoint *endpoint, struct str name)
{
	for (size_t i = 0; i < endpoint->receiver_count; i++)
		if (str_eq_nocase(endpoint->receiver_info[i].key, name))
			return true;
	return false;
}

/* The Link header's text stands behind the headers, in the same memory. */
static bool make_headers(struct message *message, const struct subscription_endpoint *endpoint)
{
	const struct lane *lane = message->lane;
	struct str link = broker_target_context_url(lane->target);
	struct str tenant = broker_place_tenant(lane->outbox->place);
	struct str snapshot = broker_place_snapshot(lane->outbox->place);
	size_t count = endpoint->receiver_count + 4;
	size_t text_bytes = link.at ? sizeof(link_format) + link.len : 0, at = 0;
	struct http_post_header *headers = malloc(count * sizeof(*headers) + text_bytes);

	if (!headers)
		return false;
	if (!is_named(endpoint, STR("Content-Type")))
		headers[at++] = (struct http_post_header){STR("Content-Type"), media_of(endpoint->accept)};
	if (link.at && !is_named(endpoint, STR("Link"))) {
		char *text = (char *)(headers + count);
		int len = snprintf(text, text_bytes, link_format, STR_FMT(link));

		headers[at++] = (struct http_post_header){STR("Link"), {text, (size_t)len}};
	}
	if (tenant.len && !is_named(endpoint, STR("NGSILD-Tenant")))
		headers[at++] = (struct http_post_header){STR("NGSILD-Tenant"), tenant};
	if (snapshot.len && !is_named(endpoint, STR("NGSILD-Snapshot")))
		headers[at++] = (struct http_post_header){STR("NGSILD-Snapshot"), snapshot};
	for (size_t i = 0; i < endpoint->receiver_count; i++)
		headers[at++] =
			(struct http_post_header){endpoint->receiver_info[i].key, endpoint->receiver_info[i].value};
	message->headers = headers;
	message->post.headers = headers;
	message->post.header_count = at;
	return true;
}

static void on_answer(struct http_post *post, const struct http_post_result *result)
{
	lane_answered(post->self, result->code == ERR_OK && result->status >= 200 && result->status < 300,
		      result->status != 0);
}

static uint32_t timeout_of(const struct subscription_endpoint *endpoint)
{
	uint32_t timeout_ms = endpoint->timeout_ms ? endpoint->timeout_ms : TIMEOUT_MS;

	return timeout_ms < TIMEOUT_MS_MAX ? timeout_ms : TIMEOUT_MS_MAX;
}

static enum err_code send_http(struct message *message, const struct subscription_endpoint *endpoint, struct error *err)
{
	struct lane *lane = message->lane;

	message->post = (struct http_post){.url = lane->url,
					   .body = {message->body, message->body_bytes},
					   .timeout_ms = timeout_of(endpoint),
					   .done = on_answer,
					   .self = message};
	if (!make_headers(message, endpoint))
		return err_set(err, ERR_MEMORY, "no memory for a notification's headers");
	return http_sender_post(lane->outbox->notifier->http, &message->post, err);
}

/* ---- MQTT (clause 7.2) ---- */

static void put_pair(struct buf *out, struct str name, struct str value)
{
	if (out->at[out->len - 1] != '{')
		buf_put_char(out, ',');
	json_write_string(out, name);
	buf_put_char(out, ':');
	json_write_string(out, value);
}

/* {"metadata": what HTTP has in headers, "body": the notification}. */
static bool wrap(struct message *message, const struct subscription_endpoint *endpoint, size_t *ret_bytes)
{
	const struct lane *lane = message->lane;
	struct str link = broker_target_context_url(lane->target);
	struct str tenant = broker_place_tenant(lane->outbox->place);
	struct str snapshot = broker_place_snapshot(lane->outbox->place);
	struct buf out;

	buf_init(&out, SIZE_MAX);
	buf_put(&out, STR("{\"metadata\":{"));
	if (!is_named(endpoint, STR("Content-Type")))
		put_pair(&out, STR("Content-Type"), media_of(endpoint->accept));
	if (link.at && !is_named(endpoint, STR("Link"))) {
		struct buf text;

		buf_init(&text, link.len + sizeof(link_format));
		buf_printf(&text, link_format, STR_FMT(link));
		put_pair(&out, STR("Link"), buf_str(&text));
		buf_done(&text);
	}
	if (tenant.len && !is_named(endpoint, STR("NGSILD-Tenant")))
		put_pair(&out, STR("NGSILD-Tenant"), tenant);
	if (snapshot.len && !is_named(endpoint, STR("NGSILD-Snapshot")))
		put_pair(&out, STR("NGSILD-Snapshot"), snapshot);
	for (size_t i = 0; i < endpoint->receiver_count && !out.failed; i++)
		put_pair(&out, endpoint->receiver_info[i].key, endpoint->receiver_info[i].value);
	buf_put(&out, STR("},\"body\":"));
	buf_put(&out, (struct str){message->body, message->body_bytes});
	buf_put_char(&out, '}');
	if (out.failed) {
		buf_done(&out);
		return false;
	}
	message->wrapped = buf_take(&out, ret_bytes);
	return true;
}

static struct str notifier_info(const struct subscription_endpoint *endpoint, struct str key)
{
	for (size_t i = 0; i < endpoint->notifier_count; i++)
		if (str_eq(endpoint->notifier_info[i].key, key))
			return endpoint->notifier_info[i].value;
	return STR_NONE;
}

static void on_published(struct mqtt_publish *publish, enum err_code code, const struct error *err)
{
	struct message *message = publish->self;

	(void)err;
	message->lane->outbox->notifier->publishing--;
	lane_answered(message, code == ERR_OK, code == ERR_OK || code == ERR_DENIED);
}

static enum err_code send_mqtt(struct message *message, const struct subscription_endpoint *endpoint, struct error *err)
{
	struct notifier *notifier = message->lane->outbox->notifier;
	struct str qos = notifier_info(endpoint, STR("MQTT-QoS"));
	size_t bytes = 0;

	if (!wrap(message, endpoint, &bytes))
		return err_set(err, ERR_MEMORY, "no memory for a notification");
	message->publish = (struct mqtt_publish){
		.uri = message->lane->url,
		.body = {message->wrapped, bytes},
		.qos = qos.len == 1 ? (uint8_t)(qos.at[0] - '0') : 0,
		.version = str_eq(notifier_info(endpoint, STR("MQTT-Version")), STR("mqtt3.1.1")) ? 3 : 5,
		.timeout_ms = timeout_of(endpoint),
		.done = on_published,
		.self = message};
	notifier->publishing++;
	enum err_code code = mqtt_sender_publish(notifier->mqtt, &message->publish, err);

	notifier->publishing -= code != ERR_OK;
	return code;
}

bool message_send(struct message *message, struct error *err)
{
	const struct subscription_endpoint *endpoint = broker_target_endpoint(message->lane->target);
	bool mqtt = str_starts(endpoint->uri, STR("mqtt"));

	return (mqtt ? send_mqtt(message, endpoint, err) : send_http(message, endpoint, err)) == ERR_OK;
}
