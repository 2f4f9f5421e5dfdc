/* What is kept of a subscription's document, and updates of it. */
#include "base/time_value.h"
#include "ngsild/attribute_int.h"
#include "ngsild/subscription_int.h"

enum err_code subscription_keep(struct arena *arena, const struct json *document, struct json **ret_document,
				struct error *err)
{
	const struct checking c = {"the subscription", false, INT64_MIN, err};

	return shape_keep(&c, arena, &subscription_shape, document, ret_document);
}

/* ---- updates ---- */

static bool has_expired(const struct json *document, int64_t now_us)
{
	int64_t expires_us;

	return time_parse_iso(json_text(json_get(document, STR("expiresAt"))), false, &expires_us) &&
	       expires_us <= now_us;
}

/* 5.8.2.4: of an expired subscription a new expiresAt alone makes an active one, also of one that was paused. */
static void revive(struct json *result, const struct json *document, const struct json *fragment, int64_t now_us)
{
	const struct json *expires = json_get(fragment, STR("expiresAt"));
	struct json *active = json_get(result, STR("isActive"));

	if (active && json_is(expires, JSON_STRING) && !node_is_null(expires) && !json_get(fragment, STR("isActive")) &&
	    has_expired(document, now_us))
		*active = json_bool(true);
}

enum err_code subscription_merge(struct arena *arena, enum subscription_kind kind, const struct json *document,
				 const struct json *fragment, int64_t now_us, struct json **ret_document,
				 struct error *err)
{
	/* what has expired may be updated */
	const struct checking whole = {"the subscription", false, INT64_MIN, err};
	struct json *result = NULL;
	enum err_code code = shape_merge(&whole, arena, &subscription_shape, document, fragment, &result);

	if (code)
		return code;
	revive(result, document, fragment, now_us);
	code = shape_check(&whole, &subscription_shape, NULL, result);
	if (code == ERR_OK)
		code = subscription_check_whole(&whole, kind, result);
	if (code == ERR_OK)
		*ret_document = result;
	return code;
}
