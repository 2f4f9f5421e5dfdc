/* Holding changes against subscriptions: what each subscription costs a write that an index has not spared it.
 *
 * Sides: a change of one attribute of a vehicle of about 1 KB, held against a subscription in each of the ways it can
 * end; the body of the notification written; as the limit, the subscription's query alone. */
#include "bench.h"
#include "ngsild/subscription.h"

#define VEHICLES 1024u
#define VOCAB NGSILD_DEFAULT_VOCAB

struct fleet {
	struct json_parser *parser;
	struct context *core;
	struct arena arena, scratch;
	struct json *trees[VEHICLES];
	struct change changes[VEHICLES];
};

struct watch {
	struct fleet *fleet;
	struct subscription *subscription;
	uint64_t expected; /* of all events */
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "bench_subscription: %s\n", what);
	exit(1);
}

/* ' stands for ". */
static struct json *parsed(struct fleet *fleet, const char *text)
{
	struct str copy = arena_dup(&fleet->arena, str_from(text));
	char *at = arena_bytes(&fleet->arena, copy.len, 1);
	struct json *tree = NULL;
	struct error err;

	for (size_t i = 0; at && i < copy.len; i++)
		at[i] = copy.at[i] == '\'' ? '"' : copy.at[i];
	if (!at || json_parse(fleet->parser, &fleet->arena, (struct str){at, copy.len}, NULL, &tree, &err))
		fail("no document");
	return tree;
}

static void fill(struct fleet *fleet)
{
	static const char format[] =
		"{'id':'urn:ngsi-ld:Vehicle:singapore:bus:10-1-%04u','type':['" VOCAB "Vehicle'],"
		"'createdAt':1763785260000000,'" VOCAB "vehicleType':[{'type':'Property','value':'bus',"
		"'createdAt':1763785260000000}],'https://uri.etsi.org/ngsi-ld/location':[{'type':'GeoProperty',"
		"'value':{'type':'Point','coordinates':[103.%06u,1.35]},'createdAt':1763785260000000}],"
		"'" VOCAB "heading':[{'type':'Property','value':%u.5,'createdAt':1763785260000000}],"
		"'" VOCAB "speed':[{'type':'Property','value':%u.25,'createdAt':1763785260000000}]}";

	for (unsigned i = 0; i < VEHICLES; i++) {
		struct str text =
			arena_printf(&fleet->arena, format, i, 600000 + i * 397 % 400000, i * 7 % 360, i * 13 % 60);

		fleet->trees[i] = parsed(fleet, text.at);
		fleet->changes[i] = (struct change){
			.kind = CHANGE_UPDATED,
			.attribute_iri = STR(VOCAB "speed"),
			.before = document_instance(fleet->trees[(i + 1) % VEHICLES], STR(VOCAB "speed"), STR_NONE),
			.after = document_instance(fleet->trees[i], STR(VOCAB "speed"), STR_NONE)};
	}
}

static struct subscription_event event_of(const struct fleet *fleet, uint64_t i)
{
	return (struct subscription_event){.before = fleet->trees[(i + 1) % VEHICLES],
					   .after = fleet->trees[i % VEHICLES],
					   .changes = &fleet->changes[i % VEHICLES],
					   .at_us = 1};
}

static void run_concerns(void *self, uint64_t times)
{
	const struct watch *watch = self;
	uint64_t count = 0;

	for (uint64_t i = 0; i < times * VEHICLES; i++) {
		const struct subscription_event event = event_of(watch->fleet, i);

		count += subscription_concerns(watch->subscription, &event);
	}
	if (count != times * watch->expected)
		fail("another number of events concerns it");
}

static void run_query(void *self, uint64_t times)
{
	const struct watch *watch = self;
	uint64_t count = 0;

	for (uint64_t i = 0; i < times * VEHICLES; i++)
		count += query_matches(subscription_query(watch->subscription), watch->fleet->trees[i % VEHICLES]);
	if (count > times * VEHICLES)
		fail("more matches than entities");
}

static void run_bodies(void *self, uint64_t times)
{
	const struct watch *watch = self;
	const struct notification_frame frame = {
		.subscription = watch->subscription, .context = watch->fleet->core, .id = STR("urn:n:1")};
	struct error err;
	struct buf out;

	buf_init(&out, 1u << 20);
	for (uint64_t i = 0; i < times * VEHICLES; i++) {
		const struct subscription_event event = event_of(watch->fleet, i);

		buf_clear(&out);
		arena_clear(&watch->fleet->scratch);
		notification_begin(&out, &frame);
		if (notification_entity(&out, &watch->fleet->scratch, &frame, &event, &err))
			fail(err.detail);
		notification_end(&out, &frame);
	}
	if (out.failed)
		fail("no body");
	buf_done(&out);
}

static struct watch watch_of(struct fleet *fleet, const char *members)
{
	struct str text = arena_printf(&fleet->arena,
				       "{'type':'Subscription',%s,'notification':{'endpoint':{'uri':'http://h'},"
				       "'format':'concise','showChanges':true}}",
				       members);
	struct watch watch = {.fleet = fleet};
	struct error err;

	if (subscription_new(parsed(fleet, text.at), fleet->core, fleet->parser, &watch.subscription, &err))
		fail(err.detail);
	for (uint64_t i = 0; i < VEHICLES; i++) {
		const struct subscription_event event = event_of(fleet, i);

		watch.expected += subscription_concerns(watch.subscription, &event);
	}
	return watch;
}

int main(void)
{
	static struct fleet fleet;
	struct error err;

	arena_init(&fleet.arena, 64u << 20);
	arena_init(&fleet.scratch, 1u << 20);
	fleet.parser = json_parser_new();
	if (!fleet.parser || context_core_new(&fleet.core, &err))
		fail("no context");
	fill(&fleet);
	struct watch q = watch_of(&fleet, "'entities':[{'type':'Vehicle'}],'q':'speed>20'");
	struct watch other = watch_of(&fleet, "'entities':[{'type':'Stop'}],'q':'speed>20'");
	struct watch unwatched = watch_of(&fleet, "'entities':[{'type':'Vehicle'}],'watchedAttributes':['heading']");
	struct watch near = watch_of(&fleet, "'entities':[{'type':'Vehicle'}],'geoQ':{'georel':'near;maxDistance==500',"
					     "'geometry':'Point','coordinates':[103.8,1.35]}");
	struct watch within =
		watch_of(&fleet, "'entities':[{'type':'Vehicle'}],'geoQ':{'georel':'within','geometry':'Polygon',"
				 "'coordinates':[[[103.7,1.3],[103.8,1.4],[103.9,1.3],[103.7,1.3]]]}");
	const struct bench_side sides[] = {{"ours: a type and q", run_concerns, &q},
					   {"ours: a type and a circle", run_concerns, &near},
					   {"ours: a type and a polygon", run_concerns, &within},
					   {"ours: another type", run_concerns, &other},
					   {"ours: an attribute that is not watched", run_concerns, &unwatched},
					   {"ours: the body written", run_bodies, &q},
					   {"limit: the query alone", run_query, &q}};

	bench_sides("changes held against a subscription, a second", sides, sizeof(sides) / sizeof(sides[0]),
		    BENCH_ROUNDS, (double)VEHICLES, "/s");
	(void)subscription_free(q.subscription);
	(void)subscription_free(other.subscription);
	(void)subscription_free(near.subscription);
	(void)subscription_free(within.subscription);
	(void)subscription_free(unwatched.subscription);
	fleet.core = context_unref(fleet.core);
	fleet.parser = json_parser_free(fleet.parser);
	arena_done(&fleet.arena);
	arena_done(&fleet.scratch);
}
