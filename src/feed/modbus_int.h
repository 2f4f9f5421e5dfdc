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
/* A map's points, which what stands under "registers" names; defaults has what holds for all. */
MUST_CHECK enum err_code modbus_read_map(const struct mapping_reader *reader, const struct yaml_tree *defaults,
					 const struct yaml_tree *node, const struct modbus_map **ret_map);

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
/* Asks and waits for the answer, which is in words and *ret_exception as modbus_read_answer() has it; the transaction is
 * set here. err is set when the outcome is another than MODBUS_ANSWERED and MODBUS_STOPPED. */
enum modbus_outcome modbus_line_ask(struct modbus_line *line, struct modbus_request *request, int64_t timeout_ms,
				    uint16_t *words, uint8_t *ret_exception, struct error *err);

#endif
