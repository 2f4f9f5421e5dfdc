/* Which registered sources an operation concerns, what may be asked of them, and when they are left alone
 * (GS CIM 009 V1.9.1, 4.3.6, 4.20, 5.2.34, 5.12, 6.3.17). */
#include "broker/sources.h"
#include "registration_util.h"

#include <pthread.h>

#define S US_PER_S
#define MS (US_PER_S / 1000)

/* ' stands for ". names: of types and attributes, as IRIs already. */
static void add(const char *id, const char *members, const char *information)
{
	struct str text = arena_printf(&arena,
				       "{'id':'%s','type':'ContextSourceRegistration','endpoint':'http://h/%s',%s"
				       "'information':[%s]}",
				       id, id, members, information);
	char *at = arena_bytes(&arena, text.len, 1);

	for (size_t i = 0; i < text.len; i++)
		at[i] = text.at[i] == '\'' ? '"' : text.at[i];
	CHECK(submit(REGISTRATION_CREATE, id, at) == ERR_OK);
}

static struct source_list list_of(const struct source_question *question)
{
	struct source_list list = {.at = NULL};

	CHECK_OK(broker_sources(reader, STR_NONE, question, &arena, &list, &err), &err);
	return list;
}

/* The last letters of the ids of the sources, in their order. */
static const char *letters(const struct source_question *question)
{
	struct source_list list = list_of(question);
	char *text = arena_bytes(&arena, list.count, 1);

	for (size_t i = 0; i < list.count; i++)
		text[i] = source_id(list.at[i]).at[source_id(list.at[i]).len - 1];
	sources_release(&list);
	CHECK(list.count == 0 && !list.at);
	return text;
}

static void check_letters(const struct source_question *question, const char *expected)
{
	CHECK_STR(str_from(letters(question)), str_from(expected));
}

static struct source_question about(const struct registration_question *match, enum source_operation operation)
{
	return (struct source_question){.match = match, .operation = operation};
}

static struct registration_entity entity_of(const char *id, const struct str *types, size_t count)
{
	return (struct registration_entity){str_from(id), types, count};
}

/* ---- which ---- */

static void those_that_match_come_in_order(void)
{
	const struct str t[] = {STR(TYPE "T")};
	struct registration_question match = {.entity = entity_of("urn:e:1", t, 1)};
	struct source_question question = about(&match, SOURCE_RETRIEVE_ENTITY);

	city_begin(NULL, 0);
	CHECK(!broker_has_registrations(broker, STR_NONE));
	check_letters(&question, "");
	add("urn:r:a", "'mode':'auxiliary','operations':['retrieveOps'],", "{'entities':[{'type':'" TYPE "T'}]}");
	add("urn:r:c", "", "{'entities':[{'type':'" TYPE "T'}]}");
	add("urn:r:b", "", "{'propertyNames':['" TYPE "n']}");
	add("urn:r:d", "'mode':'redirect',", "{'entities':[{'idPattern':'^urn:e:','type':'" TYPE "T'}]}");
	add("urn:r:e", "'mode':'exclusive',",
	    "{'entities':[{'id':'urn:e:1','type':'" TYPE "U'}],'propertyNames':['" TYPE "x']}");
	add("urn:r:f", "", "{'entities':[{'id':'urn:e:2','type':'" TYPE "T'}]}");
	add("urn:r:g", "", "{'entities':[{'type':'" TYPE "V'}]}");
	add("urn:r:h", "", "{'entities':[{'type':['" TYPE "T','" TYPE "U']}]}");
	CHECK(broker_has_registrations(broker, STR_NONE));
	check_letters(&question, "edbca");
	match.entity = entity_of("urn:e:1", NULL, 0); /* its types are not known */
	check_letters(&question, "edbcgha");
	match.entity = entity_of("urn:f", NULL, 0);
	match.attribute_iris = t; /* an attribute that nobody names */
	match.attribute_count = 1;
	check_letters(&question, "cgha");
	check_letters(&(struct source_question){.operation = SOURCE_RETRIEVE_ENTITY}, "edbcfgha");
	city_end();
}

static void operations_are_those_registered(void)
{
	struct registration_question match = {.entity = entity_of("urn:e", NULL, 0)};
	const char *any = "{'entities':[{'type':'" TYPE "T'}]}";

	city_begin(NULL, 0);
	add("urn:r:a", "", any);
	add("urn:r:b", "'operations':['updateOps'],", any);
	add("urn:r:c", "'operations':['redirectionOps','queryTemporal'],", any);
	add("urn:r:d", "'operations':['associationOps'],", any);
	struct source_question question = about(&match, SOURCE_RETRIEVE_ENTITY);

	check_letters(&question, "acd");
	question.operation = SOURCE_UPDATE_ATTRS;
	check_letters(&question, "bc");
	question.operation = SOURCE_QUERY_TEMPORAL;
	check_letters(&question, "c");
	question.operation = SOURCE_RETRIEVE_ENTITY_MAP;
	check_letters(&question, "ac");
	question.operation = SOURCE_CREATE_SUBSCRIPTION;
	check_letters(&question, "ad");
	question.operation = SOURCE_DELETE_BATCH;
	check_letters(&question, "");
	question.any_operation = true;
	check_letters(&question, "abcd");
	CHECK_STR(source_operation_name(SOURCE_UPDATE_ATTR_INSTANCE_TEMPORAL), STR("updateAttrInstanceTemporal"));
	city_end();
}

static void passed_ones_and_expired_ones_are_left_out(void)
{
	const struct str via[] = {STR("other"), STR("one")};
	struct registration_question match = {.entity = entity_of("urn:e", NULL, 0)};
	struct source_question question = about(&match, SOURCE_RETRIEVE_ENTITY);
	const char *any = "{'entities':[{'type':'" TYPE "T'}]}";

	city_begin(NULL, 0);
	add("urn:r:a", "'contextSourceAlias':'one',", any);
	add("urn:r:b", "'contextSourceAlias':'two',", any);
	add("urn:r:c", "'expiresAt':'2027-01-01T00:00:00Z',", any);
	check_letters(&question, "abc");
	question.via = via;
	question.via_count = 2;
	check_letters(&question, "bc");
	atomic_store(&now_us, INT64_C(1798761600) * S); /* 2027-01-01T00:00:00Z */
	check_letters(&question, "b");
	atomic_store(&now_us, INT64_C(1790000000) * S);
	city_end();
}

/* A source that is held says what it said; the registration itself goes on. */
static void what_is_held_stays(void)
{
	struct registration_question match = {.entity = entity_of("urn:e", NULL, 0)};
	const struct source_question question = about(&match, SOURCE_RETRIEVE_ENTITY);
	struct str key, value;

	city_begin(NULL, 0);
	add("urn:r:a",
	    "'tenant':'t','scope':'/a','datasetId':['urn:d'],'contextSourceAlias':'one',"
	    "'management':{'localOnly':true,'timeout':1500,'cooldown':0.5,'cacheDuration':'PT2S'},"
	    "'contextSourceInfo':[{'key':'X-Token','value':'s'},{'key':'accept','value':'application/json'}],",
	    "{'entities':[{'type':'" TYPE "T'}]}");
	struct source_list list = list_of(&question);

	CHECK(list.count == 1);
	CHECK(submit(REGISTRATION_DELETE, "urn:r:a", NULL) == ERR_OK);
	CHECK(!broker_has_registrations(broker, STR_NONE));
	check_letters(&question, "");
	const struct source *source = list.at[0];
	const struct source_management management = source_management(source);

	CHECK_STR(source_endpoint(source), STR("http://h/urn:r:a"));
	CHECK_STR(source_tenant(source), STR("t"));
	CHECK_STR(source_alias(source), STR("one"));
	CHECK_STR(source_dataset(source, 0), STR("urn:d"));
	CHECK(!source_dataset(source, 1).at && source_mode(source) == REGISTRATION_INCLUSIVE);
	CHECK_STR(json_text(json_at(source_scopes(source), 0)), STR("/a"));
	CHECK(source_info(source, 0, &key, &value) && str_eq(key, STR("X-Token")) && str_eq(value, STR("s")));
	CHECK(source_info(source, 1, &key, &value) && !source_info(source, 2, &key, &value));
	CHECK_STR(source_info_value(source, STR("accept")), STR("application/json"));
	CHECK(!source_info_value(source, STR("jsonldContext")).at);
	CHECK(management.local_only && management.timeout_ms == 1500 && management.cooldown_ms == 1);
	CHECK(management.cache_us == 2 * S);
	sources_release(&list);
	city_end();
}

/* ---- what of it ---- */

static void a_source_covers_what_it_registered(void)
{
	const struct str tu[] = {STR(TYPE "T"), STR(TYPE "U")};
	const struct registration_entity one = entity_of("urn:e:1", tu, 2), other = entity_of("urn:f", tu, 2);
	const struct registration_entity plain = entity_of("urn:e:2", tu + 1, 1);
	const struct source_question question = {.operation = SOURCE_RETRIEVE_ENTITY};

	city_begin(NULL, 0);
	add("urn:r:a", "",
	    "{'entities':[{'idPattern':'^urn:e:','type':'" TYPE "T'}],'propertyNames':['" TYPE "n'],"
	    "'relationshipNames':['" TYPE "r']},"
	    "{'entities':[{'id':'urn:f','type':['" TYPE "T','" TYPE "U']}]}");
	struct source_list list = list_of(&question);
	const struct source *source = list.at[0];

	CHECK(source_covers(source, &one, STR(TYPE "n")) && source_covers(source, &one, STR(TYPE "r")));
	CHECK(source_covers(source, &one, STR_NONE) && !source_covers(source, &one, STR(TYPE "m")));
	CHECK(source_covers(source, &other, STR(TYPE "m")));
	CHECK(!source_covers(source, &plain, STR_NONE)); /* no T */
	sources_release(&list);
	city_end();
}

static void parts_name_no_more_than_is_registered(void)
{
	const struct str m[] = {STR(TYPE "n")};
	const struct source_question question = {.operation = SOURCE_QUERY_ENTITY};
	struct registration_part *parts = NULL, all;
	struct query *query = NULL;
	size_t count = 0;

	city_begin(NULL, 0);
	add("urn:r:a", "",
	    "{'entities':[{'id':'urn:e:1','type':'" TYPE "T'},{'id':'urn:e:2','type':'" TYPE "U'},"
	    "{'id':'urn:e:3','type':['" TYPE "T','" TYPE "V']}],'propertyNames':['" TYPE "n','" TYPE "n','" TYPE "m']},"
	    "{'entities':[{'idPattern':'^urn:f:','type':'" TYPE "T'}],'relationshipNames':['" TYPE "a']}");
	const struct query_text asked = {.type = STR("T")};

	CHECK_OK(query_new(&arena, parser, &asked, broker_core_context(broker), &query, &err), &err);
	struct registration_question match = {.query = query};
	struct source_list list = list_of(&question);

	CHECK(source_parts(list.at[0], &match, &arena, &parts, &count) && count == 2);
	CHECK(parts[0].entity_count == 2 && parts[0].id_count == 2 && parts[0].type_count == 2);
	CHECK_STR(parts[0].ids[1], STR("urn:e:3"));
	CHECK_STR(parts[0].type_iris[1], STR(TYPE "V"));
	CHECK(parts[0].entities[1].type_count == 2 && parts[0].attribute_count == 2);
	CHECK_STR(parts[0].attribute_iris[0], STR(TYPE "m"));
	CHECK(parts[1].entity_count == 1 && parts[1].id_count == 0 && parts[1].type_count == 1);
	CHECK_STR(parts[1].entities[0].id_pattern, STR("^urn:f:"));
	CHECK(registration_parts_join(&arena, parts, count, &all));
	CHECK(all.entity_count == 3 && all.id_count == 0 && all.type_count == 2 && all.attribute_count == 3);
	match.attribute_iris = m;
	match.attribute_count = 1;
	CHECK(source_parts(list.at[0], &match, &arena, &parts, &count) && count == 1 && parts[0].id_count == 2);
	query_done(query);
	sources_release(&list);
	city_end();
}

/* Where one RegistrationInfo says nothing of entities or attributes, the whole does not either. */
static void what_is_not_restricted_stays_so(void)
{
	const struct source_question question = {.operation = SOURCE_QUERY_ENTITY};
	struct registration_part *parts = NULL, all;
	size_t count = 0;

	city_begin(NULL, 0);
	add("urn:r:a", "", "{'entities':[{'id':'urn:e:1','type':'" TYPE "T'}]},{'propertyNames':['" TYPE "n']}");
	struct source_list list = list_of(&question);

	CHECK(source_parts(list.at[0], NULL, &arena, &parts, &count) && count == 2);
	CHECK(parts[0].attribute_count == 0 && parts[1].entity_count == 0 && parts[1].attribute_count == 1);
	CHECK(registration_parts_join(&arena, parts, count, &all));
	CHECK(all.entity_count == 0 && all.id_count == 0 && all.type_count == 0 && all.attribute_count == 0);
	sources_release(&list);
	city_end();
}

/* ---- how they answer ---- */

static bool may_ask(const struct source *source, int64_t at_us)
{
	enum err_code code = source_begin(source, at_us, &err);

	CHECK(code == ERR_OK || code == ERR_TIMEOUT);
	return code == ERR_OK;
}

static struct source_list one_source(const char *members)
{
	const struct source_question question = {.operation = SOURCE_QUERY_ENTITY};

	add("urn:r:a", members, "{'entities':[{'type':'" TYPE "T'}]}");
	return list_of(&question);
}

static void a_silent_source_is_left_alone_longer_each_time(void)
{
	static const int64_t spans_s[] = {2, 4, 8, 16, 32, 60, 60};
	int64_t t = 1000 * S;

	city_begin(NULL, 0);
	struct source_list list = one_source("");
	const struct source *source = list.at[0];

	CHECK(may_ask(source, t) && may_ask(source, t));
	source_ended(source, SOURCE_REFUSED, t);
	CHECK(may_ask(source, t));
	for (size_t i = 0; i < sizeof(spans_s) / sizeof(spans_s[0]); i++) {
		CHECK(may_ask(source, t));
		source_ended(source, SOURCE_SILENT, t);
		source_ended(source, SOURCE_SILENT, t); /* of one asked before: the same silence */
		CHECK(!may_ask(source, t) && !may_ask(source, t + spans_s[i] * S - 1));
		t += spans_s[i] * S;
	}
	CHECK(may_ask(source, t) && !may_ask(source, t)); /* one goes alone */
	source_ended(source, SOURCE_ANSWERED, t);
	CHECK(may_ask(source, t) && may_ask(source, t));
	source_ended(source, SOURCE_SILENT, t);
	CHECK(!may_ask(source, t + 2 * S - 1) && may_ask(source, t + 2 * S));
	CHECK(!may_ask(source, t + 3 * S)); /* it has not answered yet */
	CHECK(may_ask(source, t + 4 * S)); /* whoever went alone never came back */
	CHECK(may_ask(source, t - S)); /* a clock that was set back */
	sources_release(&list);
	city_end();
}

static void a_registered_cooldown_counts(void)
{
	city_begin(NULL, 0);
	struct source_list list = one_source("'management':{'cooldown':300},");
	const struct source *source = list.at[0];

	for (int64_t t = S; t < 10 * S; t += 300 * MS) {
		CHECK(may_ask(source, t));
		source_ended(source, SOURCE_SILENT, t);
		CHECK(!may_ask(source, t + 300 * MS - 1));
	}
	sources_release(&list);
	city_end();
}

static struct registration_state state_of(const char *id)
{
	struct registration_look look = {.document = NULL};

	CHECK_OK(broker_registration_get(reader, STR_NONE, str_from(id), &arena, &look, &err), &err);
	return look.state;
}

static void figures_are_shown_and_survive_updates(void)
{
	city_begin(NULL, 0);
	struct source_list list = one_source("");
	struct registration_state state = state_of("urn:r:a");

	CHECK(!state.used && state.last_success_us == INT64_MIN && state.last_failure_us == INT64_MIN);
	source_ended(list.at[0], SOURCE_ANSWERED, 5);
	CHECK(submit(REGISTRATION_UPDATE, "urn:r:a", "{\"description\":\"x\"}") == ERR_OK);
	source_ended(list.at[0], SOURCE_REFUSED, 6); /* by the registration as it was */
	state = state_of("urn:r:a");
	CHECK(state.used && state.failed_last && state.times_sent == 2 && state.times_failed == 1);
	CHECK(state.last_success_us == 5 && state.last_failure_us == 6);
	CHECK(submit(REGISTRATION_DELETE, "urn:r:a", NULL) == ERR_OK);
	sources_release(&list);
	list = one_source("");
	CHECK(!state_of("urn:r:a").used); /* another one of the same name */
	sources_release(&list);
	city_end();
}

/* ---- threads ---- */

struct asker {
	struct broker_reader *reader;
	struct arena arena;
	size_t found;
};

static void *ask(void *self)
{
	struct asker *asker = self;
	struct json_parser *own = broker_reader_parser(asker->reader);
	const struct query_text text = {
		.georel = STR("within"),
		.geometry = STR("Polygon"),
		.coordinates = STR("[[[0,0],[10,0],[10,10],[0,10],[0,0]]]"),
	};
	struct error local;

	for (int i = 0; i < 200; i++) {
		struct query *query = NULL;
		struct source_list list = {.at = NULL};

		arena_clear(&asker->arena);
		if (query_new(&asker->arena, own, &text, broker_core_context(broker), &query, &local))
			return NULL;
		const struct registration_question match = {.query = query};
		const struct source_question question = about(&match, SOURCE_QUERY_ENTITY);

		if (broker_sources(asker->reader, STR_NONE, &question, &asker->arena, &list, &local) == ERR_OK)
			asker->found += list.count > 0;
		for (size_t k = 0; k < list.count; k++) {
			if (source_begin(list.at[k], i, &local) == ERR_OK)
				source_ended(list.at[k], i % 3 ? SOURCE_ANSWERED : SOURCE_SILENT, i);
		}
		sources_release(&list);
		query_done(query);
	}
	return NULL;
}

/* Several ask for one that has places, which have scratch, while it is updated. */
static void threads_ask_and_update(void)
{
	struct asker askers[3] = {{.reader = NULL}};
	pthread_t threads[3];

	city_begin(NULL, 0);
	add("urn:r:a", "'location':{'type':'Point','coordinates':[5,5]},", "{'entities':[{'type':'" TYPE "T'}]}");
	for (size_t i = 0; i < 3; i++) {
		CHECK_OK(broker_reader_new(broker, &askers[i].reader, &err), &err);
		arena_init(&askers[i].arena, 1u << 20);
		CHECK(pthread_create(&threads[i], NULL, ask, &askers[i]) == 0);
	}
	for (int i = 0; i < 50; i++)
		CHECK(submit(REGISTRATION_UPDATE, "urn:r:a", "{\"description\":\"x\"}") == ERR_OK);
	for (size_t i = 0; i < 3; i++) {
		(void)pthread_join(threads[i], NULL);
		CHECK(askers[i].found == 200);
		(void)broker_reader_free(askers[i].reader);
		arena_done(&askers[i].arena);
	}
	city_end();
}

int main(void)
{
	cases_begin();
	RUN(those_that_match_come_in_order);
	RUN(operations_are_those_registered);
	RUN(passed_ones_and_expired_ones_are_left_out);
	RUN(what_is_held_stays);
	RUN(a_source_covers_what_it_registered);
	RUN(parts_name_no_more_than_is_registered);
	RUN(what_is_not_restricted_stays_so);
	RUN(a_silent_source_is_left_alone_longer_each_time);
	RUN(a_registered_cooldown_counts);
	RUN(figures_are_shown_and_survive_updates);
	RUN(threads_ask_and_update);
	return cases_end();
}
