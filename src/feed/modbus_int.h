/* What the files of feeds of kind modbus share. */
#ifndef MACHI_FEED_MODBUS_INT_H
#define MACHI_FEED_MODBUS_INT_H

#include "feed/feed_int.h"
#include "modbus/value.h"
#include "net/tcp_link.h"

/* ---- settings: modbus_read.c, modbus_map.c; all in the feed's arena ---- */

struct modbus_point { /* a value with a name */
	struct str name;
	enum modbus_table table;
	uint16_t address;
	struct modbus_value value;
};

struct modbus_group { /* points that are read together */
	uint16_t address, count; /* of registers or bits */
	size_t first, point_count; /* of the map's points */
};

struct modbus_map {
	struct modbus_point *points; /* by table and address */
	size_t point_count;
	struct modbus_group *groups;
	size_t group_count;
};

struct modbus_device {
	uint8_t unit;
	struct str name; /* its unit's number when it has none */
	const struct modbus_map *map;
};

struct modbus_settings {
	struct str host;
	uint16_t port;
	uint32_t interval_s, timeout_s;
	struct modbus_device *devices;
	size_t device_count;
};

MUST_CHECK enum err_code modbus_read_settings(struct feed *feed, const struct mapping_reader *reader,
					      const struct yaml_tree *node);
/* The points that stand under "registers"; node has the settings beside the host, which hold for all. */
MUST_CHECK enum err_code modbus_read_map(const struct mapping_reader *reader, const struct yaml_tree *node,
					 const struct yaml_tree *registers, const struct modbus_map **ret_map);

/* ---- modbus_exchange.c: one question after another ---- */

enum modbus_outcome {
	MODBUS_ANSWERED,
	MODBUS_SILENT, /* nothing came within the timeout */
	MODBUS_BROKEN, /* the connection is closed: tcp_link_trouble(), or *err for what is no Modbus */
	MODBUS_STOPPED, /* the feed is to end */
};

#define MODBUS_RECEIVED_BYTES 1024u

struct modbus_line { /* a connection, and what is under way on it */
	struct feed *feed;
	struct tcp_link *link; /* owned by the session */
	uint16_t transaction;
	char received[MODBUS_RECEIVED_BYTES];
	size_t received_bytes;
};

/* Opens it where it is closed. MODBUS_ANSWERED: it is open. */
enum modbus_outcome modbus_line_open(struct modbus_line *line, int64_t timeout_ms, struct error *err);
/* Asks and waits for the answer, which is in words and *ret_exception as modbus_read_answer() has it; the transaction
 * is set here. err is set when the outcome is another than MODBUS_ANSWERED and MODBUS_STOPPED. */
enum modbus_outcome modbus_line_ask(struct modbus_line *line, struct modbus_request *request, int64_t timeout_ms,
				    uint16_t *words, uint8_t *ret_exception, struct error *err);

/* ---- modbus_send.c: commands ---- */

#define MODBUS_WRITES_MAX 64u /* that wait for their turn on the connection */

struct modbus_write {
	uint64_t number; /* the command's */
	int64_t deadline_ms; /* it is not written behind this: the command is over */
	const struct modbus_point *point;
	uint8_t unit;
	bool writes_list;
	uint16_t words[MODBUS_WRITE_REGISTERS_MAX];
};

struct modbus_queue {
	struct modbus_write writes[MODBUS_WRITES_MAX];
	size_t first, count;
};

enum err_code modbus_read_send(struct feed *feed, const struct mapping_reader *reader, const struct command_plan *plan,
			       const struct yaml_tree *node, void **ret_send);
/* A command comes while the thread waits, perhaps for an answer: it is put behind the others. */
enum feed_send modbus_send(struct feed *feed, const struct feed_command *command);
/* Writes what waits, one after another. */
void modbus_queue_work(struct modbus_line *line, struct modbus_queue *queue, int64_t timeout_ms);

/* ---- modbus_feed.c ---- */

struct modbus_device_state {
	bool *alone; /* of each group: its points are asked for one by one */
	bool answers; /* it did when it was asked last */
	int64_t pause_ms, retry_ms;
};

struct modbus_session { /* feed->session */
	struct modbus_line line;
	const struct modbus_settings *settings;
	struct modbus_device_state *devices;
	bool *alone; /* owned: those of all devices */
	uint16_t words[MODBUS_READ_BITS_MAX];
	struct buf message;
	bool says; /* the message has a value */
	int64_t next_ms; /* when the devices are asked again */
	int64_t pause_ms; /* until the next connection, when the last one failed */
	struct modbus_queue queue;
};

#endif
