/* The base room: strings, arenas, buffers, maps, errors, time values. Expected values are hand calculations and
 * published dates. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"
#include "base/time_value.h"
#include "check.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void strings_convert_whole_or_not_at_all(void)
{
	int64_t i = 7;
	double d = 7;

	CHECK(str_to_int64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
	CHECK(!str_to_int64(STR("9223372036854775808"), &i) && i == INT64_MIN);
	CHECK(!str_to_int64(STR("12x"), &i));
	CHECK(!str_to_int64(STR(""), &i));
	CHECK(!str_to_int64(STR("-"), &i));
	CHECK(str_to_double(STR("27.35"), &d) && d == 27.35);
	CHECK(!str_to_double(STR("nan"), &d));
	CHECK(!str_to_double(STR("0x10"), &d));
	CHECK(!str_to_double(STR("1e999"), &d));
}

static void strings_are_cut_and_compared(void)
{
	struct str rest = STR("a,,b"), piece;

	CHECK(str_next(&rest, ',', &piece) && str_eq(piece, STR("a")));
	CHECK(str_next(&rest, ',', &piece) && piece.len == 0);
	CHECK(str_next(&rest, ',', &piece) && str_eq(piece, STR("b")));
	CHECK(!str_next(&rest, ',', &piece));
	CHECK(str_cmp(STR("a"), STR("ab")) < 0 && str_cmp(STR("b"), STR("ab")) > 0);
	CHECK(str_eq_constant_time(STR("secret"), STR("secret")));
	CHECK(!str_eq_constant_time(STR("secret"), STR("secrex")));
	CHECK(!str_eq_constant_time(STR("secret"), STR("secre")));
	CHECK(!str_eq_constant_time(STR_NONE, STR("s")));
}

static void utf8_is_known(void)
{
	CHECK(str_is_utf8(STR("")) && str_is_utf8(STR("plain")));
	CHECK(str_is_utf8(STR("caf\xC3\xA9 \xE7\x94\xBA \xF0\x9F\x9A\x8C")));
	CHECK(!str_is_utf8(STR("caf\xE9")));
	CHECK(!str_is_utf8(STR("\xC0\xAF"))); /* overlong */
	CHECK(!str_is_utf8(STR("\xED\xA0\x80"))); /* a surrogate */
	CHECK(!str_is_utf8(STR("\xF4\x90\x80\x80"))); /* beyond U+10FFFF */
}

static void arena_lists_double_and_stay_when_refused(void)
{
	struct arena arena;
	uint64_t *list = NULL;
	size_t room = 0;

	arena_init(&arena, 64 * 1024);
	for (size_t count = 0; count < 1000; count++) {
		size_t before = room;
		uint64_t *at = arena_grow(&arena, list, count, &room, sizeof(*at), 3);

		CHECK(at && room > count &&
		      (count < before ? at == list && room == before : room == (before ? 2 * before : 3)));
		list = at;
		list[count] = count * count;
	}
	for (size_t i = 0; i < 1000; i++)
		CHECK(list[i] == i * i);
	room = 5000;
	CHECK(!arena_grow(&arena, list, 5000, &room, sizeof(*list), 3) && room == 5000 &&
	      list[999] == UINT64_C(998001));
	arena_done(&arena);
}

static void arena_keeps_its_cap_and_alignment(void)
{
	struct arena arena;

	arena_init(&arena, 64 * 1024);
	size_t got = 0;

	for (size_t i = 1; i < 4000; i++) {
		char *p = arena_alloc(&arena, i % 100);

		if (!p)
			break;
		CHECK((uintptr_t)p % 16 == 0);
		memset(p, 0xA5, i % 100);
		got += i % 100;
	}
	CHECK(got > 32 * 1024 && arena.bytes <= 64 * 1024);
	CHECK(!arena_alloc(&arena, 64 * 1024));
	CHECK(!arena_array(&arena, uint64_t, SIZE_MAX / 4));
	arena_clear(&arena);
	CHECK(arena_alloc(&arena, 16) != NULL);
	struct str text = arena_printf(&arena, "%s-%d", "bus", 14);

	CHECK_STR(text, STR("bus-14"));
	CHECK(text.at[text.len] == '\0');
	arena_done(&arena);
}

static void buffer_error_is_sticky(void)
{
	struct buf buf;
	struct error err = {0};

	buf_init(&buf, 300);
	for (int i = 0; i < 29; i++)
		buf_put(&buf, STR("0123456789"));
	CHECK(buf_check(&buf, "answer", &err) == ERR_OK && buf.len == 290);
	buf_put(&buf, STR("0123456789X"));
	buf_put_char(&buf, 'x');
	CHECK(buf.len == 290 && buf_check(&buf, "answer", &err) == ERR_LIMIT);
	CHECK(strstr(err.detail, "answer") && strstr(err.detail, "300"));
	buf_clear(&buf);
	buf_put_int64(&buf, INT64_MIN);
	buf_printf(&buf, " %05d", 42);
	CHECK_STR(buf_str(&buf), STR("-9223372036854775808 00042"));
	buf_done(&buf);
}

static void map_survives_growth_and_removal(void)
{
	struct arena arena;
	struct map map;

	arena_init(&arena, 1 << 20);
	map_init(&map, 42);
	for (intptr_t i = 1; i <= 2000; i++)
		CHECK(map_set(&map, arena_printf(&arena, "key%d", (int)i), (void *)i));
	for (intptr_t i = 1; i <= 2000; i += 2)
		CHECK(map_remove(&map, arena_printf(&arena, "key%d", (int)i)) == (void *)i);
	CHECK(map.count == 1000);
	for (intptr_t i = 1; i <= 2000; i++)
		CHECK(map_get(&map, arena_printf(&arena, "key%d", (int)i)) == (i % 2 ? NULL : (void *)i));
	size_t at = 0, seen = 0;
	struct str key;
	void *value;

	while (map_each(&map, &at, &key, &value))
		seen++;
	CHECK(seen == 1000);
	map_done(&map);
	arena_done(&arena);
}

static void hashes_see_every_byte_the_length_and_the_seed(void)
{
	char text[64];

	memset(text, 'a', sizeof(text));
	for (size_t len = 1; len <= sizeof(text); len++) {
		uint64_t hash = str_hash((struct str){text, len}, 1);

		CHECK(hash != str_hash((struct str){text, len - 1}, 1));
		CHECK(hash != str_hash((struct str){text, len}, 2));
		for (size_t i = 0; i < len; i++) {
			text[i] ^= 1;
			CHECK(hash != str_hash((struct str){text, len}, 1));
			text[i] ^= 1;
		}
	}
	CHECK(str_hash(STR("a"), 0) != str_hash(STR("a\0"), 0));
}

static void errors_name_their_cause_and_their_way_up(void)
{
	struct error err = {0};

	CHECK(err_set(&err, ERR_LIMIT, "too %s", "deep") == ERR_LIMIT);
	CHECK(err_while(&err, "parsing line %d", 3) == ERR_LIMIT);
	CHECK(strcmp(err.detail, "too deep; while parsing line 3") == 0);
	CHECK(strstr(err.where, "test_base.c:") != NULL);
	char wide[ERROR_DETAIL_BYTES * 2];

	memset(wide, 'a', sizeof(wide));
	memcpy(wide + ERROR_DETAIL_BYTES - 2, "町", 3); /* cut in two by the buffer's end */
	wide[sizeof(wide) - 1] = '\0';
	(void)err_set(&err, ERR_INVALID, "%s", wide);
	CHECK(strlen(err.detail) == ERROR_DETAIL_BYTES - 2);
}

static void times_are_read_to_the_rule(void)
{
	int64_t us = 0;

	CHECK(time_parse_iso(STR("2000-03-01T00:00:00Z"), false, &us) && us == INT64_C(951868800000000));
	CHECK(time_parse_iso(STR("2018-12-04T12:00:00.25Z"), false, &us) && us == INT64_C(1543924800250000));
	CHECK(time_parse_iso(STR("2018-12-04T12:00:00,000001Z"), false, &us) && us == INT64_C(1543924800000001));
	CHECK(time_parse_iso(STR("2018-12-04T20:00:00+08:00"), true, &us) && us == INT64_C(1543924800000000));
	CHECK(!time_parse_iso(STR("2018-12-04T20:00:00+08:00"), false, &us));
	CHECK(!time_parse_iso(STR("2018-02-29T12:00:00Z"), false, &us));
	CHECK(time_parse_iso(STR("2020-02-29T12:00:00Z"), false, &us));
	CHECK(!time_parse_iso(STR("2018-12-04T24:00:00Z"), false, &us));
	CHECK(!time_parse_iso(STR("2018-12-04T12:00:00.Z"), false, &us));
	CHECK(!time_parse_iso(STR("2018-12-04T12:00:00.1234567Z"), false, &us));
	CHECK(!time_parse_iso(STR("2018-12-04T12:00Z"), false, &us));
}

static void times_are_written_back(void)
{
	char text[TIME_ISO_BYTES];

	CHECK_STR(time_format_iso(INT64_C(1543924800250000), text), STR("2018-12-04T12:00:00.250Z"));
	CHECK_STR(time_format_iso(INT64_C(1543924800000001), text), STR("2018-12-04T12:00:00.000001Z"));
	CHECK_STR(time_format_iso(-1, text), STR("1969-12-31T23:59:59.999999Z"));
	CHECK(weekday_from_days(days_from_civil((struct civil_date){2026, 11, 22})) == 6);
	for (int64_t day = -800000; day < 800000; day += 97)
		CHECK(days_from_civil(civil_from_days(day)) == day);
}

/* Against the C library, moment after moment: of one day, of the next, far away and before 1970. */
static void times_follow_each_other(void)
{
	struct time_text last = {.len = 0};
	int64_t us = -3 * US_PER_DAY;
	uint64_t seed = 20261129;

	for (unsigned i = 0; i < 20000; i++) {
		char date[32], wanted[48];
		struct tm tm;

		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		unsigned way = (unsigned)(seed >> 60), part = (unsigned)(seed >> 40 & 3);
		int64_t step = (int64_t)(seed >> 33);

		us = way == 0 ? (step - (INT64_C(1) << 30)) * US_PER_S : us + (way < 4 ? 0 : step % (US_PER_DAY / 8));
		us -= part == 0 ? us % US_PER_S : part == 1 ? us % US_PER_MS : 0;
		time_t second = (time_t)(us / US_PER_S - (us % US_PER_S < 0));
		int fraction = (int)(us - second * US_PER_S);

		(void)gmtime_r(&second, &tm);
		(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
		if (fraction == 0)
			(void)snprintf(wanted, sizeof(wanted), "%sZ", date);
		else if (fraction % 1000 == 0)
			(void)snprintf(wanted, sizeof(wanted), "%s.%03dZ", date, fraction / 1000);
		else
			(void)snprintf(wanted, sizeof(wanted), "%s.%06dZ", date, fraction);
		CHECK_STR(time_text_next(&last, us), str_from(wanted));
	}
}

int main(void)
{
	RUN(strings_convert_whole_or_not_at_all);
	RUN(strings_are_cut_and_compared);
	RUN(utf8_is_known);
	RUN(arena_keeps_its_cap_and_alignment);
	RUN(arena_lists_double_and_stay_when_refused);
	RUN(buffer_error_is_sticky);
	RUN(map_survives_growth_and_removal);
	RUN(hashes_see_every_byte_the_length_and_the_seed);
	RUN(errors_name_their_cause_and_their_way_up);
	RUN(times_are_read_to_the_rule);
	RUN(times_are_written_back);
	RUN(times_follow_each_other);
	return check_done();
}
