/* The messages of a connection: they wait, fly (libmosquitto has them), land when they are acknowledged, or end when
 * their time is out. */
#include "net/mqtt_int.h"

#include <mqtt_protocol.h>
#include <stdlib.h>
#include <string.h>

#define FLYING_BYTES_MAX ((size_t)4 << 20) /* that libmosquitto has at once, copied; a longer message goes alone */
#define FIRST_REFUSAL 0x80 /* reason codes of MQTT 5.0 */

void mqtt_list_add(struct mqtt_list *list, struct mqtt_publish *publish)
{
	publish->next = NULL;
	if (list->last)
		list->last->next = publish;
	else
		list->first = publish;
	list->last = publish;
}

static struct mqtt_publish *list_take(struct mqtt_list *list)
{
	struct mqtt_publish *publish = list->first;

	if (publish) {
		list->first = publish->next;
		if (!list->first)
			list->last = NULL;
		publish->next = NULL;
	}
	return publish;
}

void mqtt_publish_end(struct mqtt_publish *publish, enum err_code code, const char *format, ...)
{
	const struct mqtt_connection *connection = publish->connection;
	const struct mqtt_uri *broker = &connection->broker;
	char text[ERROR_DETAIL_BYTES];
	va_list arguments;

	va_start(arguments, format);
	/* clang 14 loses sight of va_start where it follows a variadic function into its callers. */
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	publish->error = (struct error){0};
	if (code != ERR_OK)
		(void)err_set(&publish->error, code, "mqtt%s://%.60s:%u/%.60s %s", broker->secure ? "s" : "",
			      broker->host.at, (unsigned int)broker->port, publish->topic, text);
	free(publish->topic);
	publish->topic = NULL;
	mqtt_list_add(&connection->sender->ended, publish);
}

void mqtt_messages_end(struct mqtt_connection *connection, enum err_code code, const char *text)
{
	struct mqtt_publish *publish;

	while ((publish = list_take(&connection->flying)))
		mqtt_publish_end(publish, code, "%s", text);
	while ((publish = list_take(&connection->waiting)))
		mqtt_publish_end(publish, code, "%s", text);
	connection->flying_count = 0;
	connection->flying_bytes = 0;
}

/* Out of those that fly; NULL when it does not (any more). The oldest comes first, as acknowledgements do. */
static struct mqtt_publish *land(struct mqtt_connection *connection, int mid)
{
	struct mqtt_publish *before = NULL, *publish = connection->flying.first;

	for (; publish && publish->mid != mid; publish = publish->next)
		before = publish;
	if (!publish)
		return NULL;
	*(before ? &before->next : &connection->flying.first) = publish->next;
	if (connection->flying.last == publish)
		connection->flying.last = before;
	connection->flying_count--;
	connection->flying_bytes -= publish->body.len;
	return publish;
}

/* Those that fly are the older ones. */
void mqtt_messages_land(struct mqtt_connection *connection)
{
	struct mqtt_list *flying = &connection->flying, *waiting = &connection->waiting;

	if (flying->first) {
		flying->last->next = waiting->first;
		if (!waiting->first)
			waiting->last = flying->last;
		waiting->first = flying->first;
	}
	*flying = (struct mqtt_list){0};
	connection->flying_count = 0;
	connection->flying_bytes = 0;
}

bool mqtt_messages_acknowledged(struct mqtt_connection *connection, int mid, int reason)
{
	struct mqtt_publish *publish = land(connection, mid);

	if (!publish)
		return false;
	if (reason < FIRST_REFUSAL)
		mqtt_publish_end(publish, ERR_OK, "%s", "");
	else
		mqtt_publish_end(publish, reason == MQTT_RC_NOT_AUTHORIZED ? ERR_DENIED : ERR_IO,
				 "is refused by the broker: %s", mosquitto_reason_string(reason));
	return true;
}

/* Not the message's fault. */
static bool is_broken(int code)
{
	return code == MOSQ_ERR_NO_CONN || code == MOSQ_ERR_CONN_LOST || code == MOSQ_ERR_ERRNO || code == MOSQ_ERR_TLS;
}

static void not_taken(struct mqtt_publish *publish, int code)
{
	enum err_code what = ERR_INVALID;

	if (code == MOSQ_ERR_OVERSIZE_PACKET || code == MOSQ_ERR_PAYLOAD_SIZE)
		what = ERR_LIMIT;
	else if (code == MOSQ_ERR_QOS_NOT_SUPPORTED)
		what = ERR_UNSUPPORTED;
	else if (code == MOSQ_ERR_NOMEM)
		what = ERR_MEMORY;
	mqtt_publish_end(publish, what, "cannot be published: %s", mosquitto_strerror(code));
}

static bool may_fly(const struct mqtt_connection *connection)
{
	const struct mqtt_publish *next = connection->waiting.first;

	return next && connection->flying_count < MQTT_FLYING_MAX &&
	       (connection->flying_count == 0 || connection->flying_bytes + next->body.len <= FLYING_BYTES_MAX);
}

/* One of QoS 0 may have ended before libmosquitto returns. */
int mqtt_messages_fly(struct mqtt_connection *connection)
{
	while (may_fly(connection)) {
		struct mqtt_publish *publish = list_take(&connection->waiting);

		publish->mid = 0;
		mqtt_list_add(&connection->flying, publish);
		connection->flying_count++;
		connection->flying_bytes += publish->body.len;
		int code = MQTT_CLEARED(mosquitto_publish_v5(connection->mosq, &publish->mid, publish->topic,
							     (int)publish->body.len, publish->body.at, publish->qos,
							     false, NULL));

		if (connection->lost || is_broken(code))
			return code;
		if (code != MOSQ_ERR_SUCCESS && land(connection, publish->mid))
			not_taken(publish, code);
	}
	return MOSQ_ERR_SUCCESS;
}

/* Takes out those whose time is over; returns how many, and lowers *next to the next deadline. */
static size_t expire_list(struct mqtt_list *list, int64_t now_ms, struct mqtt_list *over, int64_t *next_ms)
{
	struct mqtt_list all = *list;
	struct mqtt_publish *publish;
	size_t count = 0;

	*list = (struct mqtt_list){0};
	while ((publish = list_take(&all))) {
		bool late = publish->deadline_ms <= now_ms;

		mqtt_list_add(late ? over : list, publish);
		count += late;
		if (!late && publish->deadline_ms < *next_ms)
			*next_ms = publish->deadline_ms;
	}
	return count;
}

bool mqtt_messages_expire(struct mqtt_connection *connection, int64_t now_ms, int64_t *next_ms)
{
	struct mqtt_list over = {0};
	struct mqtt_publish *publish;

	(void)expire_list(&connection->waiting, now_ms, &over, next_ms);
	while ((publish = list_take(&over)))
		mqtt_publish_end(publish, ERR_TIMEOUT, "was not published in time%s%s",
				 connection->trouble[0] ? ": " : "", connection->trouble);
	size_t late = expire_list(&connection->flying, now_ms, &over, next_ms);

	while ((publish = list_take(&over)))
		mqtt_publish_end(publish, ERR_TIMEOUT, "was not acknowledged in time");
	return late > 0;
}
