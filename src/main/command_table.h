/* What runs each command; command_table.c names them. Each prints its own messages and returns the exit status. */
#ifndef MACHI_MAIN_COMMAND_TABLE_H
#define MACHI_MAIN_COMMAND_TABLE_H

#include "main/command.h"

enum exit_status command_serve(const struct call *call);
enum exit_status command_import_gtfs(const struct call *call);
enum exit_status command_import_csv(const struct call *call);
enum exit_status command_get(const struct call *call);
enum exit_status command_query(const struct call *call);
enum exit_status command_put(const struct call *call);
enum exit_status command_delete(const struct call *call);
enum exit_status command_export(const struct call *call);
enum exit_status command_history(const struct call *call);
enum exit_status command_backup(const struct call *call);
enum exit_status command_restore(const struct call *call);
enum exit_status command_check(const struct call *call);
enum exit_status command_stats(const struct call *call);
enum exit_status command_pack(const struct call *call);
enum exit_status command_feed_list(const struct call *call);
enum exit_status command_feed_status(const struct call *call);
enum exit_status command_feed_test(const struct call *call);
enum exit_status command_feed_pause(const struct call *call);
enum exit_status command_feed_resume(const struct call *call);
enum exit_status command_notifications_list(const struct call *call);
enum exit_status command_notifications_show(const struct call *call);
enum exit_status command_notifications_replay(const struct call *call);
enum exit_status command_notifications_drop(const struct call *call);
enum exit_status command_account_list(const struct call *call);
enum exit_status command_account_add(const struct call *call);
enum exit_status command_account_change(const struct call *call);
enum exit_status command_account_reset(const struct call *call);
enum exit_status command_account_remove(const struct call *call);
enum exit_status command_token_list(const struct call *call);
enum exit_status command_token_add(const struct call *call);
enum exit_status command_token_remove(const struct call *call);
enum exit_status command_audit(const struct call *call);
enum exit_status command_config_show(const struct call *call);
enum exit_status command_config_check(const struct call *call);
enum exit_status command_config_example(const struct call *call);
enum exit_status command_version(const struct call *call);
enum exit_status command_help(const struct call *call);
enum exit_status command_completion(const struct call *call);

#endif
