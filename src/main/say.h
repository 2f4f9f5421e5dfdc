/* Messages of commands to the person at the terminal: "machi: …" on standard error; results on standard output. */
#ifndef MACHI_MAIN_SAY_H
#define MACHI_MAIN_SAY_H

#include "main/command.h"

/* Prints one line; whatever a terminal would obey is shown escaped. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints the error and gives the exit status that fits it. */
enum exit_status say_error(const struct error *err);
enum exit_status say_usage(const struct command *command, const struct error *err);
/* Writes text to standard output. EXIT_IO (said) when that fails; a closed pipe is silent. */
enum exit_status say_result(const struct buf *out);

#endif
