/* GTFS Realtime: whatever comes, it is refused with a reason or is a message within its bounds; and a message that was
 * read, written and read again is the same, byte for byte when it is written once more. */
#include "gtfsrt/gtfsrt.h"

#include "demand.h"

#include <stdlib.h>

static bool is_time(int64_t seconds)
{
	return seconds == GTFSRT_TIME_NONE || (seconds > 0 && seconds <= GTFSRT_TIME_MAX);
}

static void look_at(const struct gtfsrt_message *message)
{
	demand(message->entity_count <= GTFSRT_ENTITIES_MAX && is_time(message->timestamp_s));
	demand((message->refused_count > 0) == (message->refused.code != ERR_OK));
	for (uint32_t i = 0; i < message->entity_count; i++) {
		const struct gtfsrt_entity *entity = &message->entities[i];

		demand(!entity->vehicle || is_time(entity->vehicle->timestamp_s));
		demand(!entity->vehicle || entity->vehicle->status <= GTFSRT_IN_TRANSIT_TO);
		for (uint32_t s = 0; entity->trip_update && s < entity->trip_update->stop_count; s++) {
			const struct gtfsrt_stop_update *stop = &entity->trip_update->stops[s];

			demand(stop->relation <= GTFSRT_STOP_UNSCHEDULED && is_time(stop->arrival.time_s));
		}
		demand(!entity->alert || (entity->alert->cause >= 1 && entity->alert->cause <= GTFSRT_CAUSE_MAX));
		demand(!entity->alert || (entity->alert->effect >= 1 && entity->alert->effect <= GTFSRT_EFFECT_MAX));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gtfsrt_message message, again;
	struct arena arena;
	struct error err = {0};
	struct str first, second;

	arena_init(&arena, (size_t)64 << 20);
	enum err_code code = gtfsrt_decode((struct str){(const char *)data, size}, &arena, &message, &err);

	if (code) {
		demand(code == ERR_INVALID || code == ERR_LIMIT);
		demand(err.detail[0]);
	} else {
		look_at(&message);
		demand(!gtfsrt_encode(&message, &arena, &first, &err));
		demand(!gtfsrt_decode(first, &arena, &again, &err));
		demand(again.entity_count == message.entity_count && again.refused_count == 0);
		demand(!gtfsrt_encode(&again, &arena, &second, &err));
		demand(str_eq(first, second));
	}
	arena_done(&arena);
	return 0;
}
