/* /info/sourceIdentity: who this context source is. Source: GS CIM 009 V1.9.1 clauses 5.15.1, 5.2.40, 6.33. */
#include "api/api_int.h"

#include "base/time_value.h"
#include "broker/identity.h"

#include <stdio.h>

#define DURATION_BYTES 64

/* ISO 8601: whole days, hours, minutes and seconds; what is 0 is left out, but not everything. */
static struct str duration_write(int64_t us, char text[static DURATION_BYTES])
{
	static const struct {
		int64_t seconds;
		char letter;
	} units[] = {{86400, 'D'}, {3600, 'H'}, {60, 'M'}, {1, 'S'}};
	int64_t left = us / US_PER_S;
	int len = snprintf(text, DURATION_BYTES, "P");

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		int64_t count = left / units[i].seconds;

		left -= count * units[i].seconds;
		if (i == 1 && count + left > 0)
			len += snprintf(text + len, (size_t)(DURATION_BYTES - len), "T");
		if (count > 0)
			len += snprintf(text + len, (size_t)(DURATION_BYTES - len), "%lld%c", (long long)count,
					units[i].letter);
	}
	return len > 1 ? (struct str){text, (size_t)len} : STR("PT0S");
}

/* The alias is the pseudonym of a Via header (RFC 9110 section 7.6.3), of token characters alone. */
static enum err_code identity_write(struct call *call, struct buf *out)
{
	const struct context *context = call->context;
	const struct json *member;
	char duration[DURATION_BYTES], now[TIME_ISO_BYTES];
	struct str uuid;
	enum err_code code = broker_identity(call->loop->reader, call->tenant, call->arena, &uuid, &call->error);

	if (code)
		return code;
	call_context_out(call, &context, &member);
	buf_printf(out, "{\"id\":\"urn:uuid:%.*s\",\"type\":\"ContextSourceIdentity\",", STR_FMT(uuid));
	buf_printf(out, "\"contextSourceAlias\":\"machi-%.*s\",", STR_FMT(uuid));
	buf_printf(out, "\"contextSourceUptime\":\"%.*s\",",
		   STR_FMT(duration_write(api_now_us() - call->api->start_us, duration)));
	buf_printf(out, "\"contextSourceTimeAt\":\"%.*s\",",
		   STR_FMT(time_format_iso(broker_now_us(call->api->options.broker), now)));
	buf_put(out, STR("\"contextSourceExtras\":{\"software\":\"Machi\",\"version\":"));
	json_write_string(out, str_from(call->api->options.version));
	buf_put_char(out, '}');
	if (member) {
		buf_put(out, STR(",\"@context\":"));
		json_write(out, member);
	}
	buf_put_char(out, '}');
	return buf_check(out, "the answer", &call->error);
}

static void identity_found(struct call *call)
{
	struct buf out;

	buf_init(&out, call->api->options.answer_bytes_max);
	enum err_code code = identity_write(call, &out);

	if (code == ERR_OK) {
		answer_represented(call, &out);
		return;
	}
	buf_done(&out);
	/* A database without identity is not a client's mistake. */
	answer_error(call, code == ERR_NOT_FOUND ? ERR_INTERNAL : code, &call->error);
}

void retrieve_identity(struct call *call)
{
	call_with_context(call, identity_found);
}
