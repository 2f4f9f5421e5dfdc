/* A controller of ECHONET Lite among strangers: whatever they send, what goes out is a frame, values are of the tables,
 * each set ends once, and the deadline lies ahead.
 *
 * The input: records of a byte that says what happens, and what belongs to it. 'D', an address, a length (2 bytes) and
 * a datagram from there; 'T', seconds that pass; 'S', an address, an object (3 bytes), an EPC, a length and bytes to be
 * set. */
#include "base/time_value.h"
#include "demand.h"
#include "echonet/controller.h"

#include <math.h>
#include <string.h>

#define START_US INT64_C(1000000000)
#define TICKS_MAX 64u /* between two records */

struct trial {
	struct echonet_controller *controller;
	int64_t now_us;
	size_t ordered, ended;
	struct echonet_frame frame;
};

static void on_send(void *user, uint32_t address, struct str bytes)
{
	struct trial *trial = user;
	struct error err;

	demand(address != 0 && bytes.len <= ECHONET_FRAME_BYTES_MAX);
	demand(echonet_frame_read(bytes, &trial->frame, &err) == ERR_OK);
}

static void look_at(const struct echonet_value *value)
{
	demand(value->name[0] && isfinite(value->number));
	if (value->field->form >= ECHONET_STATE && value->field->form != ECHONET_POWER)
		demand(value->text.len > 0);
	if (value->has_time)
		demand(value->second >= 0 && value->second < 86400 && value->date.month >= 1);
}

static void on_event(void *user, const struct echonet_event *event)
{
	struct trial *trial = user;
	struct echonet_value values[ECHONET_VALUES_MAX];

	if (event->kind == ECHONET_SET_ENDED)
		demand(++trial->ended <= trial->ordered);
	if (event->kind != ECHONET_VALUES)
		return;
	demand(event->count > 0 && event->node->object_count >= 1);
	for (size_t i = 0; i < event->count; i++) {
		size_t count = echonet_decode(event->object->class_code, &event->object->factors,
					      &event->object->readable, &event->properties[i], values, NULL);

		for (size_t k = 0; k < count; k++)
			look_at(&values[k]);
	}
}

static void pass(struct trial *trial, uint8_t seconds)
{
	int64_t until_us = trial->now_us + seconds * US_PER_S;

	for (uint32_t i = 0; i < TICKS_MAX; i++) {
		int64_t due_us = echonet_controller_deadline_us(trial->controller);

		if (due_us > until_us)
			break;
		trial->now_us = due_us > trial->now_us ? due_us : trial->now_us;
		echonet_controller_tick(trial->controller, trial->now_us);
		demand(echonet_controller_deadline_us(trial->controller) > trial->now_us);
	}
	trial->now_us = until_us > trial->now_us ? until_us : trial->now_us;
}

static uint8_t next(struct str *rest)
{
	uint8_t byte = rest->len ? (uint8_t)rest->at[0] : 0;

	*rest = str_part(*rest, 1, rest->len);
	return byte;
}

static struct str next_part(struct str *rest, size_t len)
{
	struct str part = str_part(*rest, 0, len);

	*rest = str_part(*rest, len, rest->len);
	return part;
}

static void set(struct trial *trial, struct str *rest)
{
	uint32_t address = 0x0a000000u + next(rest), eoj = 0;
	struct echonet_property property;
	struct error err;

	for (int i = 0; i < 3; i++)
		eoj = eoj << 8 | next(rest);
	property.epc = next(rest);
	size_t len = next(rest);

	property.edt = next_part(rest, len);
	if (echonet_controller_set(trial->controller, address, eoj, &property, 1, 1, trial->now_us, &err) == ERR_OK)
		trial->ordered++;
}

static void go_through(struct trial *trial, struct str rest)
{
	while (rest.len > 0) {
		uint8_t what = next(&rest);

		if (what == 'D') {
			uint32_t address = 0x0a000000u + next(&rest);
			size_t len = (size_t)next(&rest) << 8;

			len |= next(&rest);
			echonet_controller_receive(trial->controller, address, next_part(&rest, len), trial->now_us);
		} else if (what == 'T') {
			pass(trial, next(&rest));
		} else if (what == 'S') {
			set(trial, &rest);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t named = 0x0a000001u;
	struct trial trial = {.now_us = START_US};
	struct echonet_options options = {.user = &trial,
					  .send = on_send,
					  .event = on_event,
					  .addresses = &named,
					  .address_count = 1,
					  .discover = true,
					  .interval_s = 10};
	struct error err;

	demand(echonet_controller_new(&options, trial.now_us, &trial.controller, &err) == ERR_OK);
	go_through(&trial, (struct str){(const char *)data, size});
	trial.controller = echonet_controller_free(trial.controller);
	demand(trial.ended == trial.ordered);
	return 0;
}
