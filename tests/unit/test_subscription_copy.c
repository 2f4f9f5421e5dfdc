/* What another source gets of a subscription: against 5.8.1.4, "reduced to what is matched by the registration
 * information". Each copy must be a subscription by itself. */
#include "base/cleanup.h"
#include "ngsild/subscription_copy.h"
#include "ngsild_bench.h"

#define D "https://uri.etsi.org/ngsi-ld/default-context/"
#define SOURCE                                                                                                         \
	"{\"id\": \"urn:r:1\", \"type\": \"ContextSourceRegistration\", \"endpoint\": \"http://h\", \"information\": " \
	"["
#define ASK "{\"id\": \"urn:s:1\", \"type\": \"Subscription\", "
#define TOLD "\"notification\": {\"endpoint\": {\"uri\": \"http://h\"}"
#define END TOLD "}}"

DEFINE_CLEANUP(struct registration *, registration);
DEFINE_CLEANUP(struct subscription *, subscription);

static struct registration *source(const char *information)
{
	struct registration *registration = NULL;
	struct str text = arena_printf(&arena, "%s%s]}", SOURCE, information);
	struct json *document = NULL;

	CHECK_OK(registration_check(parse(text.at), false, INT64_MIN, &err), &err);
	CHECK_OK(registration_rename(&arena, parse(text.at), core, NULL, &document, &err), &err);
	CHECK_OK(registration_new(document, core, &registration, &err), &err);
	return registration;
}

static struct subscription *subscription(const struct json *document)
{
	struct subscription *subscription = NULL;

	CHECK_OK(subscription_check(document, SUBSCRIPTION_TO_ENTITIES, false, NOW_US, &err), &err);
	CHECK_OK(subscription_new(document, core, parser, &subscription, &err), &err);
	return subscription;
}

static struct json *copy_with(const char *asked, const char *information, struct subscription_copy_options options)
{
	CLEANUP(registration) struct registration *registration = source(information);
	struct json *document = NULL, *copy = NULL;

	CHECK_OK(subscription_rename(&arena, parse(asked), core, NULL, &document, &err), &err);
	CLEANUP(subscription) struct subscription *original = subscription(document);

	CHECK_OK(subscription_copy(&arena, parser, original, registration, &options, &copy, &err), &err);
	if (!copy)
		return NULL;
	copy = json_dup(&arena, copy);
	CHECK(subscription_copy_address(&arena, copy, STR("urn:c:1"), STR("http://me/token")));
	CLEANUP(subscription) struct subscription *itself = subscription(copy);

	CHECK(str_eq(subscription_endpoint(itself)->uri, STR("http://me/token")));
	CHECK(str_eq(subscription_id(itself), STR("urn:c:1")));
	return copy;
}

static struct json *copy_of(const char *asked, const char *information)
{
	return copy_with(asked, information, (struct subscription_copy_options){.split = true});
}

static bool has(const struct json *copy, const char *member, const char *wanted)
{
	return json_equal(json_get(copy, str_from(member)), parse(wanted));
}

static void entities_are_those_that_both_name(void)
{
	static const char t[] = ASK "\"entities\": [{\"type\": \"T\"}], " END;

	CHECK(has(copy_of(t, "{\"entities\": [{\"type\": \"T\"}, {\"type\": \"U\"}]}"), "entities",
		  "[{\"type\": \"" D "T\"}]"));
	CHECK(has(copy_of(t, "{\"entities\": [{\"type\": \"T\", \"id\": \"urn:t:1\"}]}"), "entities",
		  "[{\"id\": \"urn:t:1\", \"type\": \"" D "T\"}]"));
	CHECK(has(copy_of(t, "{\"entities\": [{\"type\": \"T\", \"idPattern\": \"urn:t:.*\"}]}"), "entities",
		  "[{\"idPattern\": \"urn:t:.*\", \"type\": \"" D "T\"}]"));
	CHECK(has(copy_of(t, "{\"propertyNames\": [\"p\"]}"), "entities", "[{\"type\": \"" D "T\"}]"));
	CHECK(!copy_of(t, "{\"entities\": [{\"type\": \"U\"}]}"));
	CHECK(has(copy_of(ASK "\"entities\": [{\"type\": \"T|U\"}], " END, "{\"entities\": [{\"type\": \"T\"}]}"),
		  "entities", "[{\"type\": \"" D "T\"}]"));
	CHECK(has(
		copy_of(ASK "\"entities\": [{\"type\": \"*\"}], " END, "{\"entities\": [{\"type\": [\"T\", \"U\"]}]}"),
		"entities", "[{\"type\": \"(" D "T;" D "U)\"}]"));
	CHECK(has(copy_of(ASK "\"entities\": [{\"type\": \"T\", \"id\": [\"urn:t:1\", \"urn:t:2\"]}], " END,
			  "{\"entities\": [{\"type\": \"T\", \"id\": \"urn:t:2\"}, {\"type\": \"T\", \"id\": "
			  "\"urn:t:3\"}]}"),
		  "entities", "[{\"id\": \"urn:t:2\", \"type\": \"" D "T\"}]"));
}

static void attributes_are_those_that_both_name(void)
{
	static const char watched[] = ASK "\"watchedAttributes\": [\"p\", \"o\"], " END,
			  any[] = ASK "\"entities\": [{\"type\": \"T\"}], " END;

	CHECK(has(copy_of(watched, "{\"propertyNames\": [\"p\", \"x\"]}"), "watchedAttributes", "[\"" D "p\"]"));
	CHECK(!json_get(copy_of(watched, "{\"propertyNames\": [\"p\", \"x\"]}"), STR("entities")));
	CHECK(has(copy_of(watched, "{\"entities\": [{\"type\": \"T\"}]}"), "watchedAttributes",
		  "[\"" D "p\", \"" D "o\"]"));
	CHECK(has(copy_of(watched, "{\"entities\": [{\"type\": \"T\"}]}"), "entities", "[{\"type\": \"" D "T\"}]"));
	CHECK(has(copy_of(any, "{\"entities\": [{\"type\": \"T\"}], \"relationshipNames\": [\"r\"]}"),
		  "watchedAttributes", "[\"" D "r\"]"));
	CHECK(!json_get(copy_of(any, "{\"entities\": [{\"type\": \"T\"}]}"), STR("watchedAttributes")));
	CHECK(!copy_of(watched, "{\"propertyNames\": [\"x\"]}"));
	/* What is only to be shown calls for nothing. */
	CHECK(!copy_of(ASK "\"watchedAttributes\": [\"p\"], " TOLD ", \"attributes\": [\"x\"]}}",
		       "{\"propertyNames\": [\"x\"]}"));
}

static void filters_stay_where_entities_are_whole(void)
{
	static const char asked[] =
		ASK "\"entities\": [{\"type\": \"T\"}], \"q\": \"p>1\", \"scopeQ\": \"/a\", \"throttling\": 5, "
		    "\"geoQ\": {\"georel\": \"within\", \"geometry\": \"Point\", \"coordinates\": [1, 2]}, "
		    "\"isActive\": true, \"csf\": \"x==1\", " TOLD ", \"pick\": [\"p\"], \"format\": \"simplified\"}}";
	static const char t[] = "{\"entities\": [{\"type\": \"T\"}]}";
	const struct json *parts = copy_with(asked, t, (struct subscription_copy_options){.split = true});
	const struct json *whole = copy_with(asked, t, (struct subscription_copy_options){.local_only = true});

	CHECK(!json_get(parts, STR("q")) && !json_get(parts, STR("scopeQ")) && !json_get(parts, STR("geoQ")));
	CHECK(!json_get(json_get(parts, STR("notification")), STR("pick")) && !json_get(parts, STR("localOnly")));
	CHECK(!subscription_copy_has_names(parts) && subscription_copy_has_names(whole));
	CHECK(has(whole, "q", "\"p>1\"") && has(whole, "scopeQ", "\"/a\"") && json_get(whole, STR("geoQ")));
	CHECK(has(whole, "localOnly", "true") && has(whole, "throttling", "5"));
	CHECK(!json_get(whole, STR("csf")) && !json_get(whole, STR("isActive")));
	const struct json *told = json_get(whole, STR("notification"));

	CHECK(has(told, "pick", "[\"" D "p\", \"id\", \"type\"]") && has(told, "format", "\"normalized\"") &&
	      has(told, "sysAttrs", "true"));
}

static void a_patch_takes_out_what_is_no_more(void)
{
	const struct json *patch = subscription_copy_patch(
		&arena, parse("{\"id\": \"urn:c\", \"q\": \"a\", \"throttling\": 1, \"@context\": \"u\"}"),
		parse("{\"id\": \"urn:c\", \"throttling\": 2}"));

	CHECK(json_equal(patch, parse("{\"throttling\": 2, \"q\": \"urn:ngsi-ld:null\"}")));
}

int main(void)
{
	bench_open();
	RUN(entities_are_those_that_both_name);
	RUN(attributes_are_those_that_both_name);
	RUN(filters_stay_where_entities_are_whole);
	RUN(a_patch_takes_out_what_is_no_more);
	bench_close();
	return check_done();
}
