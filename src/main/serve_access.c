/* Accounts for the daemon, and the secret that it knows itself by. */
#include "main/serve_access.h"

#include "main/say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define SECRET_BYTES 32u

static bool is_loopback(const char *address)
{
	struct str text = str_from(address);

	return str_starts(text, STR("127.")) || str_eq(text, STR("::1")) || str_eq_nocase(text, STR("localhost"));
}

static void log_trouble(void *self, const struct error *err)
{
	log_say(self, LOG_ERROR, "the audit log cannot be written", LOG_TEXT("code", str_from(err_name(err->code))),
		LOG_TEXT("error", str_from(err->detail)));
}

static enum err_code first_account(struct access *access, struct error *err)
{
	char password[ACCESS_ONE_TIME_CHARS + 1];
	enum err_code code = access_first_account(access, password, err);

	if (!code && password[0]) {
		(void)printf(
			"The first account is \"admin\". Its password for the first sign-in, shown this once: %s\n",
			password);
		(void)fflush(stdout);
	}
	explicit_bzero(password, sizeof(password));
	return code;
}

enum err_code serve_access_open(const struct config *config, struct log *log, struct access **ret_access,
				struct error *err)
{
	const struct access_options options = {
		.folder = config->store == CONFIG_STORE_MEMORY ? NULL : config->data,
		.session_idle_s = (int64_t)config->access.session_idle_s,
		.session_life_s = (int64_t)config->access.session_life_s,
		.audit_keep_s = (int64_t)config->access.audit_keep_s,
		.complain = log_trouble,
		.complain_self = log,
	};
	bool open = config->access.mode == CONFIG_ACCESS_OPEN;
	struct access *access = NULL;

	if (open && !is_loopback(config->listen.address))
		return err_set(
			err, ERR_CONFLICT,
			"access.mode is open, which is for a loopback address alone, but listen is %s: anybody who "
			"reaches it could do everything",
			config->listen.address);
	enum err_code code = access_new(&options, &access, err);

	if (!code && !open)
		code = first_account(access, err);
	if (code)
		(void)access_free(access);
	else
		*ret_access = access;
	return code;
}

enum err_code serve_access_secret(char *ret, size_t room, struct error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[SECRET_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(err, ERR_IO, "the system gives no random numbers: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(bytes) && 2 * i + 2 < room; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
		ret[2 * i + 2] = '\0';
	}
	explicit_bzero(bytes, sizeof(bytes));
	return ERR_OK;
}
