/* Why registrations are told of, and what subscriptions ask them for: against 5.3.3, 5.11.2.4 and 5.12. */
#include "base/cleanup.h"
#include "ngsild/registration_notification.h"
#include "ngsild_bench.h"

#define END "\"notification\": {\"endpoint\": {\"uri\": \"http://h\"}}}"
#define ASK "{\"id\": \"urn:s:1\", \"type\": \"Subscription\", "
#define SOURCE "{\"id\": \"urn:r:1\", \"type\": \"ContextSourceRegistration\", \"endpoint\": \"http://h\", "
#define OF(type, rest) SOURCE "\"information\": [{\"entities\": [{\"type\": \"" type "\"}]" rest "}]"

DEFINE_CLEANUP(struct registration *, registration);
DEFINE_CLEANUP(struct subscription *, subscription);

static struct registration *source(const char *text)
{
	struct registration *registration = NULL;

	CHECK_OK(registration_check(parse(text), false, INT64_MIN, &err), &err);
	CHECK_OK(registration_new(parse(text), core, &registration, &err), &err);
	return registration;
}

static struct subscription *subscription(const char *text)
{
	struct subscription *subscription = NULL;

	CHECK_OK(subscription_check(parse(text), SUBSCRIPTION_TO_REGISTRATIONS, false, NOW_US, &err), &err);
	CHECK_OK(subscription_new(parse(text), core, parser, &subscription, &err), &err);
	return subscription;
}

static enum trigger_reason reason(const char *before, const char *after, const char *asked)
{
	CLEANUP(registration) struct registration *was = before ? source(before) : NULL;
	CLEANUP(registration) struct registration *is = after ? source(after) : NULL;
	CLEANUP(subscription) struct subscription *by = subscription(asked);
	struct registration_question question;

	subscription_question(by, &question);
	return registration_trigger(was, is, &question, NOW_US);
}

static bool matches(const char *text, const char *asked)
{
	return reason(NULL, text, asked) == TRIGGER_NEWLY_MATCHING;
}

/* ---- reasons ---- */

static void each_change_has_its_reason(void)
{
	static const char t[] = OF("T", "") "}", u[] = OF("U", "") "}",
			  asked[] = ASK "\"entities\": [{\"type\": \"T\"}], " END;

	CHECK(reason(NULL, t, asked) == TRIGGER_NEWLY_MATCHING && reason(u, t, asked) == TRIGGER_NEWLY_MATCHING);
	CHECK(reason(t, t, asked) == TRIGGER_UPDATED);
	CHECK(reason(t, u, asked) == TRIGGER_NO_LONGER_MATCHING &&
	      reason(t, NULL, asked) == TRIGGER_NO_LONGER_MATCHING);
	CHECK(reason(NULL, u, asked) == TRIGGER_NONE && reason(u, u, asked) == TRIGGER_NONE);
	CHECK(reason(u, NULL, asked) == TRIGGER_NONE && reason(NULL, NULL, asked) == TRIGGER_NONE);
	CHECK_STR(trigger_reason_name(TRIGGER_NEWLY_MATCHING), STR("newlyMatching"));
	CHECK_STR(trigger_reason_name(TRIGGER_UPDATED), STR("updated"));
	CHECK_STR(trigger_reason_name(TRIGGER_NO_LONGER_MATCHING), STR("noLongerMatching"));
}

static void what_has_expired_matched_until_then(void)
{
	static const char old[] = OF("T", "") ", \"expiresAt\": \"2027-01-15T08:00:00Z\"}", fresh[] = OF("T", "") "}",
			  asked[] = ASK "\"entities\": [{\"type\": \"T\"}], " END;

	CHECK(reason(old, NULL, asked) == TRIGGER_NO_LONGER_MATCHING);
	CHECK(reason(NULL, old, asked) == TRIGGER_NONE);
	CHECK(reason(fresh, old, asked) == TRIGGER_NO_LONGER_MATCHING);
}

/* ---- questions ---- */

#define NOTIFIED(members) "\"notification\": {" members ", \"endpoint\": {\"uri\": \"http://h\"}}}"

static void attributes_restrict_where_both_lists_are_given(void)
{
	static const char both[] = ASK "\"watchedAttributes\": [\"a\"], " NOTIFIED("\"attributes\": [\"b\"]"),
			  picked[] = ASK "\"watchedAttributes\": [\"a\"], " NOTIFIED("\"pick\": [\"id\", \"b\"]"),
			  named[] = ASK "\"watchedAttributes\": [\"a\"], " NOTIFIED("\"pick\": [\"id\", \"type\"]"),
			  watched[] = ASK "\"watchedAttributes\": [\"a\"], " END,
			  shown[] = ASK "\"entities\": [{\"type\": \"T\"}], " NOTIFIED("\"attributes\": [\"b\"]");
	static const char a[] = OF("T", ", \"propertyNames\": [\"a\"]") "}",
			  z[] = OF("T", ", \"propertyNames\": [\"z\"]") "}",
			  b[] = OF("T", ", \"relationshipNames\": [\"b\"]") "}", any[] = OF("T", "") "}";

	CHECK(matches(a, both) && matches(b, both) && matches(any, both) && !matches(z, both));
	CHECK(matches(a, picked) && matches(b, picked) && matches(any, picked) && !matches(z, picked));
	CHECK(matches(z, watched) && matches(z, shown) && matches(z, named));
}

/* 5.11.2.4: "all possible Attributes … match"; a condition on entities asks for none. */
static void q_and_place_name_no_attributes(void)
{
	static const char z[] = OF("T", ", \"propertyNames\": [\"z\"]");
	const char *here =
		arena_printf(&arena, "%s, \"location\": {\"type\": \"Point\", \"coordinates\": [1, 2]}}", z).at;
	const char *away =
		arena_printf(&arena, "%s, \"location\": {\"type\": \"Point\", \"coordinates\": [9, 2]}}", z).at;
	static const char asked[] = ASK "\"entities\": [{\"type\": \"T\"}], \"q\": \"speed>3\", \"geoQ\": {\"georel\": "
					"\"near;maxDistance==10\","
					" \"geometry\": \"Point\", \"coordinates\": [1, 2]}, " END;

	CHECK(matches(here, asked) && !matches(away, asked));
}

static void times_are_asked_for_by_temporal_q(void)
{
	static const char observed[] = OF("T", "") ", \"observationInterval\": {\"startAt\": \"2020-01-01T00:00:00Z\", "
						   "\"endAt\": \"2020-02-01T00:00:00Z\"}}";
	static const char managed[] = OF("T", "") ", \"managementInterval\": {\"startAt\": \"2020-01-01T00:00:00Z\"}}";
	static const char latest[] = OF("T", "") "}";
	static const char none[] = ASK "\"entities\": [{\"type\": \"T\"}], " END;

#define ASKED(times) ASK "\"entities\": [{\"type\": \"T\"}], \"temporalQ\": {" times "}, " END
	static const char inside[] = ASKED("\"timerel\": \"after\", \"timeAt\": \"2020-01-15T00:00:00Z\"");
	static const char behind[] = ASKED("\"timerel\": \"before\", \"timeAt\": \"2020-02-01T00:00:01Z\"");
	static const char endpoint[] = ASKED("\"timerel\": \"before\", \"timeAt\": \"2020-02-01T00:00:00Z\"");
	static const char created[] =
		ASKED("\"timerel\": \"after\", \"timeAt\": \"2021-01-01T00:00:00Z\", \"timeproperty\": \"createdAt\"");

	CHECK(matches(latest, none) && !matches(observed, none) && !matches(managed, none));
	CHECK(matches(observed, inside) && matches(observed, endpoint) && !matches(observed, behind));
	CHECK(!matches(latest, inside) && !matches(managed, inside));
	CHECK(matches(managed, created) && !matches(observed, created));
}

static void other_conditions_are_asked_for(void)
{
	static const char csf[] =
		ASK "\"entities\": [{\"type\": \"T\"}], \"csf\": \"contextSourceAlias==\\\"a\\\"\", " END;
	static const char scoped[] = ASK "\"entities\": [{\"type\": \"T\"}], \"scopeQ\": \"/a/#\", " END;
	static const char set[] = ASK "\"entities\": [{\"type\": \"T\"}], \"datasetId\": [\"urn:d:1\"], " END;

	CHECK(matches(OF("T", "") ", \"contextSourceAlias\": \"a\"}", csf));
	CHECK(!matches(OF("T", "") ", \"contextSourceAlias\": \"b\"}", csf));
	CHECK(matches(OF("T", "") ", \"scope\": \"/a/b\"}", scoped) &&
	      !matches(OF("T", "") ", \"scope\": \"/b\"}", scoped));
	CHECK(matches(OF("T", "") ", \"datasetId\": [\"urn:d:1\"]}", set));
	CHECK(!matches(OF("T", "") ", \"datasetId\": [\"urn:d:2\"]}", set) && matches(OF("T", "") "}", set));
}

/* ---- documents ---- */

static void refused(const char *text, enum subscription_kind kind, const char *member)
{
	CHECK(subscription_check(parse(text), kind, false, NOW_US, &err) == ERR_INVALID);
	if (!CHECK(str_contains(str_from(err.detail), str_from(member))))
		printf("# %s\n", err.detail);
}

static void each_kind_has_members_of_its_own(void)
{
	static const char timed[] = ASK "\"entities\": [{\"type\": \"T\"}], \"temporalQ\": {\"timerel\": \"before\", "
					"\"timeAt\": \"2020-01-01T00:00:00Z\"}, " END;
	static const char features[] =
		ASK "\"entities\": [{\"type\": \"T\"}], \"notification\": {\"endpoint\": {\"uri\": "
		    "\"http://h\", \"accept\": \"application/geo+json\"}}}";

	refused(timed, SUBSCRIPTION_TO_ENTITIES, "temporalQ");
	CHECK_OK(subscription_check(parse(timed), SUBSCRIPTION_TO_REGISTRATIONS, false, NOW_US, &err), &err);
	refused(features, SUBSCRIPTION_TO_REGISTRATIONS, "notification.endpoint.accept");
	CHECK_OK(subscription_check(parse(features), SUBSCRIPTION_TO_ENTITIES, false, NOW_US, &err), &err);
	refused(ASKED("\"timerel\": \"before\""), SUBSCRIPTION_TO_REGISTRATIONS, "temporalQ.timeAt");
}

/* ---- the notification ---- */

static void the_structure_is_that_of_5_3_2(void)
{
	static const char text[] =
		SOURCE "\"information\": [{\"entities\": [{\"type\": \"T\"}]}, {\"entities\": [{\"type\": "
		       "\"U\"}]}]}";
	CLEANUP(registration) struct registration *one = source(text);
	CLEANUP(subscription) struct subscription *by = subscription(ASK "\"entities\": [{\"type\": \"T\"}], " END);
	const struct registration_state state = {.last_success_us = INT64_MIN, .last_failure_us = INT64_MIN};
	const struct notification_frame frame = {.subscription = by,
						 .context = core,
						 .id = STR("urn:n:1"),
						 .notified_us = NOW_US,
						 .reason = TRIGGER_UPDATED};
	struct registration_question question;
	struct buf out;

	subscription_question(by, &question);
	buf_init(&out, 1u << 20);
	notification_begin(&out, &frame);
	for (int i = 0; i < 2; i++)
		CHECK_OK(notification_registration(&out, &arena, &frame, core,
						   registration_filtered(&arena, one, parse(text), &question), &state,
						   &err),
			 &err);
	notification_end(&out, &frame);
#define TOLD                                                                                                           \
	"{\"id\":\"urn:r:1\",\"type\":\"ContextSourceRegistration\",\"endpoint\":\"http://h\",\"information\":"        \
	"[{\"entities\":[{\"type\":\"T\"}]}]}"
	CHECK_STR(buf_str(&out),
		  STR("{\"id\":\"urn:n:1\",\"type\":\"ContextSourceNotification\",\"subscriptionId\":\"urn:s:1\","
		      "\"notifiedAt\":\"2027-01-15T08:00:00Z\",\"triggerReason\":\"updated\",\"data\":[" TOLD "," TOLD
		      "]}"));
	buf_done(&out);
}

int main(void)
{
	bench_open();
	RUN(each_change_has_its_reason);
	RUN(what_has_expired_matched_until_then);
	RUN(attributes_restrict_where_both_lists_are_given);
	RUN(q_and_place_name_no_attributes);
	RUN(times_are_asked_for_by_temporal_q);
	RUN(other_conditions_are_asked_for);
	RUN(each_kind_has_members_of_its_own);
	RUN(the_structure_is_that_of_5_3_2);
	bench_close();
	return check_done();
}
