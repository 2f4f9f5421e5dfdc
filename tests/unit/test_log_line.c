/* Log lines that hold what strangers sent: no value may end its line, leave its quotes or drive a terminal. Expected
 * texts are written by hand from RFC 3629, RFC 8259 and the logfmt convention. */
#include "base/log_line.h"
#include "check.h"

#include <string.h>

#define TIME_US INT64_C(1543924800250000) /* 2018-12-04T12:00:00.25Z */

static struct buf made;

static struct str line(enum log_format format, struct str message, struct str value)
{
	struct log_field field = LOG_TEXT("value", value);

	buf_clear(&made);
	log_line(&made, format, TIME_US, LOG_INFO, message, &field, 1);
	return buf_str(&made);
}

/* The line's part behind "value=". */
static struct str shown(struct str value)
{
	struct str text = line(LOG_LOGFMT, STR("m"), value);
	const char *at = memmem(text.at, text.len, "value=", 6);

	return at ? str_part(text, (size_t)(at - text.at) + 6, text.len - 1) : STR_NONE;
}

static void a_line_has_time_level_message_and_fields(void)
{
	CHECK_STR(line(LOG_LOGFMT, STR("bus moved"), STR("14")),
		  STR("time=2018-12-04T12:00:00.250Z level=info msg=\"bus moved\" value=14\n"));
	CHECK_STR(line(LOG_JSON, STR("bus moved"), STR("14")),
		  STR("{\"time\":\"2018-12-04T12:00:00.250Z\",\"level\":\"info\",\"msg\":\"bus "
		      "moved\",\"value\":\"14\"}\n"));
}

static void numbers_stay_numbers(void)
{
	struct log_field field = LOG_NUMBER("count", -12);

	buf_clear(&made);
	log_line(&made, LOG_JSON, TIME_US, LOG_ERROR, STR("m"), &field, 1);
	CHECK(str_ends(buf_str(&made), STR(",\"count\":-12}\n")));
	CHECK(str_contains(buf_str(&made), STR("\"level\":\"error\"")));
}

static void simple_values_stand_bare(void)
{
	CHECK_STR(shown(STR("/ngsi-ld/v1/entities")), STR("/ngsi-ld/v1/entities"));
	CHECK_STR(shown(STR("")), STR("\"\""));
	CHECK_STR(shown(STR("a b")), STR("\"a b\""));
	CHECK_STR(shown(STR("a=b")), STR("\"a=b\""));
}

static void quotes_and_line_ends_cannot_leave_their_value(void)
{
	CHECK_STR(shown(STR("x\" level=error msg=\"forged")), STR("\"x\\\" level=error msg=\\\"forged\""));
	CHECK_STR(shown(STR("a\nb\r\tc\\")), STR("\"a\\nb\\r\\tc\\\\\""));
	CHECK_STR(shown(((struct str){"a\0b", 3})), STR("\"a\\u0000b\""));
}

static void terminals_are_not_driven(void)
{
	CHECK_STR(shown(STR("\x1b[2J")), STR("\"\\u001b[2J\""));
	CHECK_STR(shown(STR("\x7f")), STR("\"\\u007f\""));
	CHECK_STR(shown(STR("\xC2\x9B"
			    "31m")),
		  STR("\"\\u009b31m\"")); /* CSI as one C1 character */
	CHECK_STR(shown(STR("\xE2\x80\xAE"
			    "cod")),
		  STR("\"\\u202ecod\"")); /* right-to-left override */
	CHECK_STR(shown(STR("\xE2\x80\xA8")), STR("\"\\u2028\"")); /* line separator */
}

static void other_scripts_pass(void)
{
	CHECK_STR(shown(STR("町")), STR("\"町\""));
	CHECK_STR(shown(STR("ភ្នំពេញ")), STR("\"ភ្នំពេញ\""));
	CHECK_STR(shown(STR("\xF0\x9F\x9A\x8C")), STR("\"\xF0\x9F\x9A\x8C\""));
}

static void what_is_no_utf_8_becomes_the_replacement_character(void)
{
	CHECK_STR(shown(STR("a\xFFz")), STR("\"a\xEF\xBF\xBDz\""));
	CHECK_STR(shown(STR("\xC0\xAF")), STR("\"\xEF\xBF\xBD\xEF\xBF\xBD\"")); /* overlong "/" */
	CHECK_STR(shown(STR("\xED\xA0\x80")), STR("\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"")); /* a surrogate */
	CHECK_STR(shown(STR("ab\xE7\x94")), STR("\"ab\xEF\xBF\xBD\xEF\xBF\xBD\"")); /* cut off */
	CHECK_STR(shown(STR("\xF4\x90\x80\x80")), STR("\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""));
}

static void long_values_are_cut_at_a_character(void)
{
	static char text[3 * LOG_VALUE_BYTES_MAX];

	for (size_t i = 0; i + 3 <= sizeof(text); i += 3)
		memcpy(text + i, "町", 3);
	struct str value = shown((struct str){text, sizeof(text)});

	CHECK(value.len <= LOG_VALUE_BYTES_MAX + 8);
	CHECK(str_ends(value, STR("町…\"")));
}

static void every_byte_sequence_makes_one_line(void)
{
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			char bytes[] = {'x', (char)a, (char)b, 'y'};

			for (enum log_format format = LOG_LOGFMT; format <= LOG_JSON; format++) {
				struct str text = line(format, STR("m"), (struct str){bytes, sizeof(bytes)});
				size_t at;

				if (!CHECK(str_find(text, '\n', &at) && at == text.len - 1))
					return;
				for (size_t i = 0; i + 1 < text.len; i++)
					if (!CHECK((unsigned char)text.at[i] >= 0x20 && text.at[i] != 0x7F))
						return;
			}
		}
	}
}

static void sentences_for_terminals_keep_their_quotes(void)
{
	buf_clear(&made);
	log_put_safe(&made, STR("not \"\x1b[2J\", \\ or \xFF"));
	CHECK_STR(buf_str(&made), STR("not \"\\u001b[2J\", \\ or \xEF\xBF\xBD"));
}

int main(void)
{
	buf_init(&made, LOG_LINE_BYTES_MAX);
	RUN(a_line_has_time_level_message_and_fields);
	RUN(numbers_stay_numbers);
	RUN(simple_values_stand_bare);
	RUN(quotes_and_line_ends_cannot_leave_their_value);
	RUN(terminals_are_not_driven);
	RUN(other_scripts_pass);
	RUN(what_is_no_utf_8_becomes_the_replacement_character);
	RUN(long_values_are_cut_at_a_character);
	RUN(every_byte_sequence_makes_one_line);
	RUN(sentences_for_terminals_keep_their_quotes);
	buf_done(&made);
	return check_done();
}
