/* machi backup and restore. */
#include "main/backup.h"
#include "main/command_table.h"
#include "main/folder.h"
#include "main/say.h"
#include "main/session.h"

#include "base/cleanup.h"
#include "base/time_value.h"

#include <time.h>

static int64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static enum exit_status missing(const struct call *call, const char *option)
{
	struct error err;

	(void)err_set(&err, ERR_INVALID, "missing option --%s", option);
	return say_usage(call->command, &err);
}

enum exit_status command_backup(const struct call *call)
{
	const char *data = session_data(call), *to = call_text(call, "to");
	CLEANUP_FD int lock = -1;
	struct backup_summary summary;
	struct error err;

	if (!to)
		return missing(call, "to");
	enum err_code code = folder_check_city(data, false, &err);

	if (!code)
		code = folder_lock(data, false, &lock, &err);
	if (!code)
		code = backup_make(data, to, now_us(), &summary, &err);
	if (code) {
		enum exit_status status = say_error(&err);

		return code == ERR_NOT_FOUND ? EXIT_NO_INPUT : status;
	}
	say("%llu databases, %llu bytes, in %s", (unsigned long long)summary.databases,
	    (unsigned long long)summary.bytes, to);
	return EXIT_GOOD;
}

enum exit_status command_restore(const struct call *call)
{
	const char *from = call_text(call, "from"), *data = call_text(call, "data");
	struct backup_summary summary;
	struct error err;

	if (!from || !data)
		return missing(call, from ? "data" : "from");
	enum err_code code = backup_restore(from, data, &summary, &err);

	if (code) {
		enum exit_status status = say_error(&err);

		return code == ERR_NOT_FOUND ? EXIT_NO_INPUT : status;
	}
	say("%llu databases, %llu bytes, checked and in place in %s", (unsigned long long)summary.databases,
	    (unsigned long long)summary.bytes, data);
	return EXIT_GOOD;
}
