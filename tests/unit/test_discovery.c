/* Discovery and identity as the broker gives them, on the memory store and on SQLite: lists out of the census for the
 * entities of GS CIM 009 V1.9.1 clauses 5.7.5 to 5.7.10, expected by hand; what expires as the test's clock goes on;
 * an identity (5.2.40) that outlives the process with its database and is no other tenant's. */
#include "base/time_value.h"
#include "broker/discovery.h"
#include "broker/identity.h"
#include "check.h"
#include "ngsild/expand.h"

#include <string.h>
#include <unistd.h>

#define VOCAB "https://uri.etsi.org/ngsi-ld/default-context/"
#define START_US (INT64_C(1795321260) * US_PER_S) /* 2026-11-22T04:21:00Z */

static int64_t clock_now;
static const char *folder; /* NULL: memory */
static struct broker *broker;
static struct broker_reader *reader;
static struct arena arena;
static struct error err;

static int64_t test_clock(void)
{
	return clock_now;
}

static void open_broker(void)
{
	const struct broker_options options = {.data_path = folder, .create = true, .clock_us = test_clock};

	if (!CHECK_OK(broker_new(&options, &broker, &err), &err) ||
	    !CHECK_OK(broker_reader_new(broker, &reader, &err), &err))
		abort();
}

static void close_broker(void)
{
	reader = broker_reader_free(reader);
	broker = broker_free(broker);
	arena_clear(&arena);
}

static void put(const char *tenant, const char *text)
{
	const struct expand_options options = {.context = broker_core_context(broker), .now_us = test_clock()};
	struct broker_item item = {.operation = BROKER_REPLACE};
	struct broker_write write = {.items = &item, .item_count = 1, .arena = &arena};
	struct store *store = NULL;
	struct json *body = NULL, *entity = NULL;

	CHECK_OK(json_parse(broker_reader_parser(reader), &arena, str_from(text), NULL, &body, &err), &err);
	if (!CHECK_OK(expand_entity(&arena, body, &options, &entity, &err), &err))
		abort();
	CHECK_OK(broker_tenant(broker, tenant ? str_from(tenant) : STR_NONE, true, &store, &err), &err);
	item.id = document_id(entity);
	item.entity = entity;
	CHECK_OK(broker_apply(broker, store, &write, &err), &err);
	CHECK(item.outcome.code == ERR_OK);
}

static struct str short_name(struct str iri)
{
	return str_starts(iri, STR(VOCAB)) ? str_part(iri, sizeof(VOCAB) - 1, iri.len) : iri;
}

/* "Bus(2): name speed; Stop(1): name;" */
static struct str types_text(const char *tenant, bool details)
{
	struct discovery_types types = {0};
	struct str text = STR("");

	CHECK_OK(discover_types(reader, tenant ? str_from(tenant) : STR_NONE, details, &arena, &types, &err), &err);
	for (size_t i = 0; i < types.count; i++) {
		const struct discovery_type *type = &types.items[i];

		text = arena_printf(&arena, "%.*s%.*s(%u):", STR_FMT(text), STR_FMT(short_name(type->iri)),
				    (unsigned int)type->entity_count);
		for (size_t k = 0; k < type->attribute_count; k++)
			text = arena_printf(&arena, "%.*s %.*s", STR_FMT(text),
					    STR_FMT(short_name(type->attributes[k].iri)));
		text = arena_printf(&arena, "%.*s;", STR_FMT(text));
	}
	return text;
}

/* "name(3): Bus Stop; …" */
static struct str attributes_text(bool details)
{
	struct discovery_attributes attributes = {0};
	struct str text = STR("");

	CHECK_OK(discover_attributes(reader, STR_NONE, details, &arena, &attributes, &err), &err);
	for (size_t i = 0; i < attributes.count; i++) {
		const struct discovery_attribute *one = &attributes.items[i];

		text = arena_printf(&arena, "%.*s%.*s(%u):", STR_FMT(text), STR_FMT(short_name(one->iri)),
				    (unsigned int)one->instance_count);
		for (size_t k = 0; k < one->type_count; k++)
			text = arena_printf(&arena, "%.*s %.*s", STR_FMT(text), STR_FMT(short_name(one->type_iris[k])));
		text = arena_printf(&arena, "%.*s;", STR_FMT(text));
	}
	return text;
}

static void fill(void)
{
	put(NULL,
	    "{\"id\":\"urn:x:1\",\"type\":\"Bus\",\"speed\":[{\"value\":1},{\"value\":2,\"datasetId\":\"urn:d:1\"}],"
	    "\"driver\":\"Kim\"}");
	put(NULL, "{\"id\":\"urn:x:2\",\"type\":[\"Bus\",\"Museum\"],\"driver\":{\"object\":\"urn:y:1\"},"
		  "\"expiresAt\":\"2026-11-22T05:00:00Z\"}");
	put(NULL, "{\"id\":\"urn:x:3\",\"type\":\"Stop\"}");
	put("north", "{\"id\":\"urn:x:1\",\"type\":\"Tram\",\"speed\":1}");
}

static void lists_are_complete_ordered_and_the_tenants_own(void)
{
	open_broker();
	CHECK_STR(types_text(NULL, true), STR(""));
	CHECK_STR(attributes_text(true), STR(""));
	fill();
	CHECK_STR(types_text(NULL, false), STR("Bus(2):;Museum(1):;Stop(1):;"));
	CHECK_STR(types_text(NULL, true), STR("Bus(2): driver speed;Museum(1): driver;Stop(1):;"));
	CHECK_STR(types_text("north", true), STR("Tram(1): speed;"));
	CHECK_STR(attributes_text(false), STR("driver(2):;speed(2):;"));
	CHECK_STR(attributes_text(true), STR("driver(2): Bus Museum;speed(2): Bus;"));
	close_broker();
}

static void one_type_and_one_attribute_say_their_kinds(void)
{
	struct discovery_type type = {0};
	struct discovery_attribute attribute = {0};

	open_broker();
	fill();
	CHECK_OK(discover_type(reader, STR_NONE, STR(VOCAB "Bus"), &arena, &type, &err), &err);
	CHECK(type.entity_count == 2 && type.attribute_count == 2);
	CHECK(type.attributes[0].kinds == (1u << CENSUS_PROPERTY | 1u << CENSUS_RELATIONSHIP));
	CHECK(type.attributes[1].kinds == 1u << CENSUS_PROPERTY && type.attributes[1].instance_count == 2);
	CHECK_OK(discover_attribute(reader, STR_NONE, STR(VOCAB "driver"), &arena, &attribute, &err), &err);
	CHECK(attribute.instance_count == 2 && attribute.type_count == 2);
	CHECK(discover_type(reader, STR_NONE, STR(VOCAB "speed"), &arena, &type, &err) == ERR_NOT_FOUND);
	CHECK(discover_type(reader, STR_NONE, STR(VOCAB "Tram"), &arena, &type, &err) == ERR_NOT_FOUND);
	CHECK(discover_attribute(reader, STR_NONE, STR(VOCAB "Bus"), &arena, &attribute, &err) == ERR_NOT_FOUND);
	CHECK(discover_attribute(reader, STR("south"), STR(VOCAB "speed"), &arena, &attribute, &err) == ERR_TENANT);
	close_broker();
}

static void what_expires_goes_from_the_lists_at_its_moment(void)
{
	open_broker();
	fill();
	clock_now = START_US + INT64_C(39) * 60 * US_PER_S - 1;
	CHECK_STR(types_text(NULL, false), STR("Bus(2):;Museum(1):;Stop(1):;"));
	clock_now++;
	CHECK_STR(types_text(NULL, true), STR("Bus(1): driver speed;Stop(1):;"));
	CHECK_STR(attributes_text(true), STR("driver(1): Bus;speed(2): Bus;"));
	close_broker();
}

static struct str identity_of(const char *tenant)
{
	struct str uuid = STR_NONE;

	CHECK_OK(broker_identity(reader, tenant ? str_from(tenant) : STR_NONE, &arena, &uuid, &err), &err);
	return uuid;
}

static void an_identity_is_of_one_tenant_and_stays_with_its_database(void)
{
	char first[40] = "";
	struct str uuid;

	open_broker();
	fill();
	uuid = identity_of(NULL);
	/* RFC 9562: version 4, variant 10. */
	CHECK(uuid.len == 36 && uuid.at[14] == '4' && str_contains(STR("89ab"), str_part(uuid, 19, 20)));
	CHECK_STR(identity_of(NULL), uuid);
	CHECK(!str_eq(identity_of("north"), uuid));
	CHECK(broker_identity(reader, STR("south"), &arena, &uuid, &err) == ERR_TENANT);
	if (uuid.len < sizeof(first))
		memcpy(first, uuid.at, uuid.len);
	close_broker();
	open_broker();
	if (folder)
		CHECK_STR(identity_of(NULL), str_from(first));
	else
		CHECK(!str_eq(identity_of(NULL), str_from(first)));
	close_broker();
}

static void remove_folder(void)
{
	static const char *const names[] = {"machi.db",
					    "machi.db-wal",
					    "machi.db-shm",
					    "tenants/north.db",
					    "tenants/north.db-wal",
					    "tenants/north.db-shm",
					    "tenants",
					    ""};
	char path[200];

	for (size_t i = 0; folder && i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)remove(path);
	}
}

static void run(void (*body)(void), const char *name, const char *where)
{
	folder = where;
	clock_now = START_US;
	check_run(body, name);
	remove_folder();
}

int main(void)
{
	char path[] = "/tmp/machi-test-discovery-XXXXXX";
	const char *const folders[] = {NULL, mkdtemp(path)};

	arena_init(&arena, (size_t)64 << 20);
	for (size_t i = 0; i < 2; i++) {
		printf("# store: %s\n", folders[i] ? "SQLite" : "memory");
		run(lists_are_complete_ordered_and_the_tenants_own, "lists_are_complete_ordered_and_the_tenants_own",
		    folders[i]);
		run(one_type_and_one_attribute_say_their_kinds, "one_type_and_one_attribute_say_their_kinds",
		    folders[i]);
		run(what_expires_goes_from_the_lists_at_its_moment, "what_expires_goes_from_the_lists_at_its_moment",
		    folders[i]);
		run(an_identity_is_of_one_tenant_and_stays_with_its_database,
		    "an_identity_is_of_one_tenant_and_stays_with_its_database", folders[i]);
	}
	arena_done(&arena);
	return check_done();
}
