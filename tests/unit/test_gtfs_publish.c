/* The publisher of GTFS: many who ask at once get the same, a zip is made anew when an import changed the feed, a
 * message when a moment has passed; who waits when it stops is told. What messages and zips say is checked by
 * test_realtime_write.c and test_gtfs_export.c. Also run under ThreadSanitizer. */
#include "feed/gtfs_publish.h"
#include "gtfs_util.h"

#include <semaphore.h>
#include <time.h>

#define ASKS 50u

static struct gtfs_report report; /* too large for a stack */

struct asking {
	struct gtfs_ask ask;
	enum err_code code;
	char why[ERROR_DETAIL_BYTES];
	sem_t *done;
};

static void done(struct gtfs_ask *ask, enum err_code code, const struct error *err)
{
	struct asking *asking = ask->self;

	asking->code = code;
	(void)snprintf(asking->why, sizeof(asking->why), "%s", code ? err->detail : "");
	(void)sem_post(asking->done);
}

static void prepare(struct asking *asking, sem_t *semaphore, enum gtfs_document document)
{
	*asking = (struct asking){.ask = {.timetable = STR("tiny"), .document = document, .done = done, .self = asking},
				  .done = semaphore};
}

static void wait_for(sem_t *semaphore, unsigned count)
{
	while (count)
		if (sem_wait(semaphore) == 0)
			count--;
}

/* Asks and waits. The publication must be let go of. */
static struct gtfs_publication *publication(struct gtfs_publisher *publisher, enum gtfs_document document,
					    const char *timetable, enum err_code expected)
{
	struct asking asking;
	struct error err = {0};
	sem_t semaphore;

	(void)sem_init(&semaphore, 0, 0);
	prepare(&asking, &semaphore, document);
	asking.ask.timetable = str_from(timetable);
	if (CHECK_OK(gtfs_publisher_ask(publisher, &asking.ask, &err), &err))
		wait_for(&semaphore, 1);
	if (!CHECK(asking.code == expected))
		printf("# %s\n", asking.why);
	(void)sem_destroy(&semaphore);
	return asking.code ? NULL : asking.ask.publication;
}

static void import_tiny(struct gtfs_test *test)
{
	struct error err = {0};

	CHECK_OK(import_path(test, test->feed, "tiny", &report, &err), &err);
	gtfs_report_done(&report);
}

static void many_who_ask_get_the_same(void)
{
	static const enum gtfs_document documents[] = {GTFS_DOCUMENT_ZIP, GTFS_DOCUMENT_VEHICLE_POSITIONS,
						       GTFS_DOCUMENT_TRIP_UPDATES, GTFS_DOCUMENT_ALERTS,
						       GTFS_DOCUMENT_REALTIME};
	static struct asking asking[ASKS];
	struct gtfs_publisher *publisher = NULL;
	struct gtfs_test test;
	struct error err = {0};
	sem_t semaphore;

	(void)sem_init(&semaphore, 0, 0);
	gtfs_test_open(&test, NULL);
	import_tiny(&test);
	CHECK_OK(gtfs_publisher_new(test.broker, &publisher, &err), &err);
	for (unsigned i = 0; i < ASKS; i++) {
		prepare(&asking[i], &semaphore, documents[i % 5]);
		CHECK_OK(gtfs_publisher_ask(publisher, &asking[i].ask, &err), &err);
	}
	wait_for(&semaphore, ASKS);
	for (unsigned i = 0; i < ASKS; i++) {
		if (!CHECK(asking[i].code == ERR_OK))
			continue;
		/* Within the moment that a message is kept, or the same bytes all the same. */
		CHECK_STR(str_from(asking[i].ask.publication->etag), str_from(asking[i % 5].ask.publication->etag));
	}
	CHECK(asking[0].ask.publication == asking[5].ask.publication);
	(void)gtfs_publisher_free(publisher);
	/* What was given outlives the publisher. */
	CHECK(str_starts(asking[0].ask.publication->bytes, STR("PK")));
	for (unsigned i = 0; i < ASKS; i++)
		(void)gtfs_publication_unref(asking[i].code ? NULL : asking[i].ask.publication);
	gtfs_test_close(&test);
	(void)sem_destroy(&semaphore);
}

static void a_zip_is_made_anew_when_an_import_changed_the_feed(void)
{
	struct gtfs_publisher *publisher = NULL;
	struct gtfs_test test;
	struct error err = {0};

	gtfs_test_open(&test, NULL);
	CHECK_OK(gtfs_publisher_new(test.broker, &publisher, &err), &err);
	CHECK(!publication(publisher, GTFS_DOCUMENT_ZIP, "tiny", ERR_NOT_FOUND));
	CHECK(!publication(publisher, GTFS_DOCUMENT_REALTIME, "tiny", ERR_NOT_FOUND));
	import_tiny(&test);
	struct gtfs_publication *first = publication(publisher, GTFS_DOCUMENT_ZIP, "tiny", ERR_OK);

	import_tiny(&test); /* the same: nothing changes */
	struct gtfs_publication *second = publication(publisher, GTFS_DOCUMENT_ZIP, "tiny", ERR_OK);

	CHECK(first == second);
	edit_file(test.feed, "agency.txt", "Blue", "Green");
	import_tiny(&test);
	struct gtfs_publication *third = publication(publisher, GTFS_DOCUMENT_ZIP, "tiny", ERR_OK);

	if (CHECK(third && first && third != first)) {
		CHECK(strcmp(third->etag, first->etag) != 0);
		CHECK(third->changed_us > first->changed_us);
	}
	(void)gtfs_publication_unref(first);
	(void)gtfs_publication_unref(second);
	(void)gtfs_publication_unref(third);
	(void)gtfs_publisher_free(publisher);
	gtfs_test_close(&test);
}

static void a_message_has_its_own_time_and_the_tag_of_what_it_says(void)
{
	const struct timespec moment = {.tv_sec = 1, .tv_nsec = 100000000};
	struct gtfs_publisher *publisher = NULL;
	struct gtfs_test test;
	struct error err = {0};

	gtfs_test_open(&test, NULL);
	import_tiny(&test);
	CHECK_OK(gtfs_publisher_new(test.broker, &publisher, &err), &err);
	struct gtfs_publication *first = publication(publisher, GTFS_DOCUMENT_ALERTS, "tiny", ERR_OK);

	(void)nanosleep(&moment, NULL);
	struct gtfs_publication *second = publication(publisher, GTFS_DOCUMENT_ALERTS, "tiny", ERR_OK);

	if (CHECK(first && second && first != second)) {
		CHECK(!str_eq(first->bytes, second->bytes)); /* the header's timestamp */
		CHECK_STR(str_from(first->etag), str_from(second->etag));
		CHECK(first->changed_us == second->changed_us);
	}
	(void)gtfs_publication_unref(first);
	(void)gtfs_publication_unref(second);
	(void)gtfs_publisher_free(publisher);
	gtfs_test_close(&test);
}

static void who_waits_when_it_stops_is_told(void)
{
	static struct asking asking[ASKS];
	struct gtfs_publisher *publisher = NULL;
	struct gtfs_test test;
	struct error err = {0};
	sem_t semaphore;

	(void)sem_init(&semaphore, 0, 0);
	gtfs_test_open(&test, NULL);
	import_tiny(&test);
	CHECK_OK(gtfs_publisher_new(test.broker, &publisher, &err), &err);
	for (unsigned i = 0; i < ASKS; i++) {
		prepare(&asking[i], &semaphore, i % 2 ? GTFS_DOCUMENT_ZIP : GTFS_DOCUMENT_REALTIME);
		CHECK_OK(gtfs_publisher_ask(publisher, &asking[i].ask, &err), &err);
	}
	gtfs_publisher_stop(publisher);
	wait_for(&semaphore, ASKS);
	for (unsigned i = 0; i < ASKS; i++) {
		CHECK(asking[i].code == ERR_OK || asking[i].code == ERR_CONFLICT);
		(void)gtfs_publication_unref(asking[i].code ? NULL : asking[i].ask.publication);
	}
	CHECK(gtfs_publisher_ask(publisher, &asking[0].ask, &err) == ERR_CONFLICT);
	asking[0].ask.timetable = STR("no/name");
	CHECK(gtfs_publisher_ask(publisher, &asking[0].ask, &err) == ERR_INVALID);
	(void)gtfs_publisher_free(publisher);
	gtfs_test_close(&test);
	(void)sem_destroy(&semaphore);
}

int main(void)
{
	RUN(many_who_ask_get_the_same);
	RUN(a_zip_is_made_anew_when_an_import_changed_the_feed);
	RUN(a_message_has_its_own_time_and_the_tag_of_what_it_says);
	RUN(who_waits_when_it_stops_is_told);
	return check_done();
}
