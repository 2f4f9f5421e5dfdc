/* The configuration that a command line asks for. */
#ifndef MACHI_MAIN_COMMAND_CONFIG_H
#define MACHI_MAIN_COMMAND_CONFIG_H

#include "main/command.h"
#include "main/config.h"

#define CONFIG_SHORTHANDS_MAX 64u

/* Who hears of mistakes; struct config_sources says what they mean. */
struct config_listener {
	void (*mistake)(void *self, struct str sentence);
	void (*notice)(void *self, struct str sentence);
	void *self;
};

/* File (NULL: none), environment, the command's --set, then shorthands such as --listen. Mistakes go to the listener
 * (NULL: to the terminal). EXIT_CONFIG, EXIT_USAGE, EXIT_NO_INPUT, … */
enum exit_status config_from_call(const struct call *call, const char *path, const struct config_override *shorthands,
				  size_t shorthand_count, const struct config_listener *listener,
				  struct config **ret_config);

#endif
