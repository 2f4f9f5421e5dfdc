/* Basic authentication: the examples of RFC 7617, those of RFC 4648 section 10 as passwords, and what is neither. */
#include "base/arena.h"
#include "check.h"
#include "net/http_basic.h"

struct sample {
	const char *header, *user, *password; /* user NULL: it is refused */
};

static const struct sample samples[] = {
	{"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"}, /* RFC 7617 section 2 */
	{"Basic dGVzdDoxMjPCow==", "test", "123\xc2\xa3"}, /* section 2.1 */
	{"basic  OmZvb2Jhcg== ", "", "foobar"},
	{"Basic Og==", "", ""},
	{"Basic OmY6bw==", "", "f:o"}, /* a colon within the password */
	{"Basic OgD/", "", "\0\xff"},
	{"Basic QWxhZGRpbg==", NULL, NULL}, /* no colon */
	{"Basic OmZv", "", "fo"},
	{"Basic OmZv=", NULL, NULL},
	{"Basic OmZ", NULL, NULL},
	{"Basic Om==", NULL, NULL}, /* bits left over */
	{"Basic O===", NULL, NULL},
	{"Basic ====", NULL, NULL},
	{"Basic Og==Og==", NULL, NULL},
	{"Basic Om-v", NULL, NULL}, /* base64url */
	{"Basic Om\nv", NULL, NULL},
	{"Basic ", NULL, NULL},
	{"Basic", NULL, NULL},
	{"", NULL, NULL},
	{"Bearer Og==", NULL, NULL},
};

static void headers_are_taken_apart_or_refused(void)
{
	struct arena arena;

	arena_init(&arena, 1u << 20);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct str user = STR_NONE, password = STR_NONE;
		bool good = http_basic_read(str_from(samples[i].header), &arena, &user, &password);

		if (!CHECK(good == (samples[i].user != NULL))) {
			printf("# %s\n", samples[i].header);
			continue;
		}
		if (good)
			CHECK_STR(user, str_from(samples[i].user));
		if (good && samples[i].password[0])
			CHECK_STR(password, str_from(samples[i].password));
	}
	struct str user, password;

	CHECK(http_basic_read(STR("Basic OgD/"), &arena, &user, &password));
	CHECK_STR(password, ((struct str){"\0\xff", 2}));
	arena_done(&arena);
}

int main(void)
{
	RUN(headers_are_taken_apart_or_refused);
	return check_done();
}
