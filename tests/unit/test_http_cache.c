/* Freshness of answers by RFC 9111 (sections 4.2, 5.2, 5.3) and RFC 9110's three forms of dates; links by RFC 8288.
 * The expected figures are calculated by hand from those texts. */
#include "check.h"
#include "net/http_cache.h"

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's example */

static struct http_freshness fresh(const char *cache_control, const char *expires, const char *date, const char *age,
				   const char *modified)
{
	struct http_cache_fields fields = {str_from(cache_control), str_from(expires), str_from(date), str_from(age),
					   str_from(modified)};

	return http_freshness(&fields, NOW);
}

static bool is_stated(struct http_freshness freshness, uint64_t fresh_s)
{
	return freshness.stated && !freshness.heuristic && freshness.fresh_s == fresh_s;
}

static void max_age_is_taken(void)
{
	CHECK(is_stated(fresh("max-age=60", NULL, NULL, NULL, NULL), 60));
	CHECK(is_stated(fresh("public, MAX-AGE = 60", NULL, NULL, NULL, NULL), 60));
	CHECK(is_stated(fresh("max-age=\"60\"", NULL, NULL, NULL, NULL), 60));
	CHECK(is_stated(fresh("max-age=0", NULL, NULL, NULL, NULL), 0));
	CHECK(is_stated(fresh("max-age=10, max-age=20", NULL, NULL, NULL, NULL), 10));
	CHECK(is_stated(fresh("x=\"a,max-age=5\", max-age=9", NULL, NULL, NULL, NULL), 9));
	/* No number: stale rather than for ever. */
	CHECK(is_stated(fresh("max-age=soon", NULL, NULL, NULL, NULL), 0));
	CHECK(is_stated(fresh("max-age=-1", NULL, NULL, NULL, NULL), 0));
	CHECK(is_stated(fresh("max-age", NULL, NULL, NULL, NULL), 0));
	CHECK(is_stated(fresh("max-age=99999999999999999999999", NULL, NULL, NULL, NULL), HTTP_FRESH_S_MAX));
}

static void s_maxage_wins_over_max_age_and_both_over_expires(void)
{
	CHECK(is_stated(fresh("max-age=60, s-maxage=600", NULL, NULL, NULL, NULL), 600));
	CHECK(is_stated(fresh("max-age=60", "Sun, 06 Nov 1994 09:49:37 GMT", NULL, NULL, NULL), 60));
	CHECK(is_stated(fresh("public", "Sun, 06 Nov 1994 09:49:37 GMT", NULL, NULL, NULL), 3600));
}

static void expires_is_read_in_three_forms(void)
{
	CHECK(is_stated(fresh(NULL, "Sun, 06 Nov 1994 08:50:37 GMT", NULL, NULL, NULL), 60));
	CHECK(is_stated(fresh(NULL, "Sunday, 06-Nov-94 08:50:37 GMT", NULL, NULL, NULL), 60));
	CHECK(is_stated(fresh(NULL, "Sun Nov  6 08:50:37 1994", NULL, NULL, NULL), 60));
	CHECK(is_stated(fresh(NULL, "Sun, 06 Nov 1994 08:49:36 GMT", NULL, NULL, NULL), 0));
	/* Against the source's own clock. */
	CHECK(is_stated(fresh(NULL, "Sun, 06 Nov 1994 08:50:37 GMT", "Sun, 06 Nov 1994 08:50:07 GMT", NULL, NULL), 30));
	CHECK(is_stated(fresh(NULL, "Tue, 29 Feb 2000 00:00:00 GMT", "Mon, 28 Feb 2000 00:00:00 GMT", NULL, NULL),
			86400));
}

static void what_is_no_date_has_expired(void)
{
	static const char *const texts[] = {"0",
					    "",
					    "-1",
					    "tomorrow",
					    "Sun, 06 Nov 1994 08:50:37",
					    "Sun, 06 Nov 1994",
					    "Sun, 06 Nox 1994 08:50:37 GMT",
					    "Sun, 00 Nov 1994 08:50:37 GMT",
					    "Sun, 06 Nov 1994 25:50:37 GMT",
					    "Sun, 6 Nov 1994 08:50:37 GMT"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!CHECK(is_stated(fresh(NULL, texts[i], NULL, NULL, NULL), 0)))
			printf("# %s\n", texts[i]);
}

static void age_is_taken_off(void)
{
	CHECK(is_stated(fresh("max-age=60", NULL, NULL, "20", NULL), 40));
	CHECK(is_stated(fresh("max-age=60", NULL, NULL, "61", NULL), 0));
	CHECK(is_stated(fresh("max-age=60", NULL, NULL, "x", NULL), 60));
}

static void what_may_not_be_kept_is_stale_at_once(void)
{
	struct http_freshness freshness = fresh("no-store, max-age=60", NULL, NULL, NULL, NULL);

	CHECK(is_stated(freshness, 0) && freshness.no_store);
	freshness = fresh("no-cache, max-age=60", NULL, NULL, NULL, NULL);
	CHECK(is_stated(freshness, 0) && !freshness.no_store);
	CHECK(is_stated(fresh("no-cache=\"Set-Cookie\", max-age=60", NULL, NULL, NULL, NULL), 60));
}

static void without_a_statement_a_tenth_of_the_age_is_guessed(void)
{
	struct http_freshness freshness = fresh(NULL, NULL, NULL, NULL, NULL);

	CHECK(!freshness.stated && !freshness.heuristic && freshness.fresh_s == 0);
	freshness = fresh("public", NULL, NULL, NULL, "Sun, 06 Nov 1994 07:49:37 GMT");
	CHECK(!freshness.stated && freshness.heuristic && freshness.fresh_s == 360);
	freshness = fresh(NULL, NULL, "Sun, 06 Nov 1994 07:51:17 GMT", NULL, "Sun, 06 Nov 1994 07:49:37 GMT");
	CHECK(freshness.heuristic && freshness.fresh_s == 10);
}

static struct str alternate(const char *link)
{
	return http_link_target(str_from(link), STR("alternate"), STR("application/ld+json"));
}

static void links_are_found_by_relation_and_type(void)
{
	CHECK_STR(alternate("</docs/x.jsonld>; rel=\"alternate\"; type=\"application/ld+json\""),
		  STR("/docs/x.jsonld"));
	CHECK_STR(alternate("<a>;rel=alternate;type=application/ld+json"), STR("a"));
	CHECK_STR(alternate("<a>; rel=next, <b>; type=\"application/ld+json\"; rel=\"x alternate\""), STR("b"));
	CHECK_STR(alternate("<a,b>; title=\"x,y;rel=alternate\"; rel=alternate; type=application/ld+json"), STR("a,b"));
	CHECK(!alternate("<a>; rel=alternate; type=\"text/html\"").at);
	CHECK(!alternate("<a>; rel=alternate").at);
	CHECK(!alternate("a; rel=alternate; type=application/ld+json").at);
	CHECK(!alternate("<a; rel=alternate; type=application/ld+json").at);
	CHECK(!alternate("").at);
}

static uint64_t retry_after(const char *text)
{
	uint64_t seconds = UINT64_MAX;

	return http_retry_after_s(str_from(text), NOW, &seconds) ? seconds : UINT64_MAX;
}

/* RFC 9110, 10.2.3, in both forms. */
static void retry_after_is_seconds_or_a_date(void)
{
	CHECK(retry_after("120") == 120);
	CHECK(retry_after(" 0 ") == 0);
	CHECK(retry_after("Fri, 31 Dec 1999 23:59:59 GMT") == 946684799 - NOW);
	CHECK(retry_after("Sun, 06 Nov 1994 08:49:30 GMT") == 0);
	CHECK(retry_after("99999999999999999999") >= HTTP_FRESH_S_MAX);
	CHECK(retry_after("-1") == UINT64_MAX);
	CHECK(retry_after("soon") == UINT64_MAX);
	CHECK(retry_after("") == UINT64_MAX);
	CHECK(retry_after(NULL) == UINT64_MAX);
}

int main(void)
{
	RUN(max_age_is_taken);
	RUN(s_maxage_wins_over_max_age_and_both_over_expires);
	RUN(expires_is_read_in_three_forms);
	RUN(what_is_no_date_has_expired);
	RUN(age_is_taken_off);
	RUN(what_may_not_be_kept_is_stale_at_once);
	RUN(without_a_statement_a_tenth_of_the_age_is_guessed);
	RUN(links_are_found_by_relation_and_type);
	RUN(retry_after_is_seconds_or_a_date);
	return check_done();
}
