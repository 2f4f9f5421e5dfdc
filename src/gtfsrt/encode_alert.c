/* Writing alerts. */
#include "gtfsrt/gtfsrt_int.h"

static TransitRealtime__TranslatedString *pack_texts(struct packing *packing, const struct gtfsrt_texts *texts)
{
	TransitRealtime__TranslatedString *to;
	TransitRealtime__TranslatedString__Translation **items;

	if (texts->count == 0)
		return NULL;
	to = PACK_NEW(packing, TransitRealtime__TranslatedString);
	items = PACK_ARRAY(packing, TransitRealtime__TranslatedString__Translation *, texts->count);
	if (!to || !items)
		return NULL;
	transit_realtime__translated_string__init(to);
	to->translation = items;
	to->n_translation = texts->count;
	for (uint32_t i = 0; i < texts->count; i++) {
		items[i] = PACK_NEW(packing, TransitRealtime__TranslatedString__Translation);
		if (!items[i])
			return NULL;
		transit_realtime__translated_string__translation__init(items[i]);
		items[i]->text =
			texts->items[i].text.len ? pack_text(packing, texts->items[i].text) : PACK_NEW(packing, char);
		items[i]->language = pack_text(packing, texts->items[i].language);
	}
	return to;
}

static TransitRealtime__TimeRange *pack_period(struct packing *packing, const struct gtfsrt_period *period)
{
	TransitRealtime__TimeRange *to = PACK_NEW(packing, TransitRealtime__TimeRange);

	if (!to)
		return NULL;
	transit_realtime__time_range__init(to);
	to->has_start = period->start_s != GTFSRT_TIME_NONE;
	to->start = (uint64_t)period->start_s;
	to->has_end = period->end_s != GTFSRT_TIME_NONE;
	to->end = (uint64_t)period->end_s;
	return to;
}

static TransitRealtime__EntitySelector *pack_selector(struct packing *packing, const struct gtfsrt_selector *selector)
{
	TransitRealtime__EntitySelector *to = PACK_NEW(packing, TransitRealtime__EntitySelector);

	if (!to)
		return NULL;
	transit_realtime__entity_selector__init(to);
	to->agency_id = pack_text(packing, selector->agency_id);
	to->route_id = pack_text(packing, selector->route_id);
	to->stop_id = pack_text(packing, selector->stop_id);
	to->trip = selector->trip.given ? pack_trip(packing, &selector->trip) : NULL;
	to->has_route_type = selector->route_type != GTFSRT_NUMBER_NONE;
	to->route_type = selector->route_type;
	to->has_direction_id = selector->direction != GTFSRT_COUNT_NONE;
	to->direction_id = selector->direction;
	return to;
}

TransitRealtime__Alert *pack_alert(struct packing *packing, const struct gtfsrt_alert *alert)
{
	TransitRealtime__Alert *to = PACK_NEW(packing, TransitRealtime__Alert);
	TransitRealtime__TimeRange **periods = PACK_ARRAY(packing, TransitRealtime__TimeRange *, alert->period_count);
	TransitRealtime__EntitySelector **informed =
		PACK_ARRAY(packing, TransitRealtime__EntitySelector *, alert->informed_count);

	if (!to || !periods || !informed)
		return NULL;
	transit_realtime__alert__init(to);
	to->active_period = periods;
	to->n_active_period = alert->period_count;
	for (uint32_t i = 0; i < alert->period_count; i++)
		periods[i] = pack_period(packing, &alert->periods[i]);
	to->informed_entity = informed;
	to->n_informed_entity = alert->informed_count;
	for (uint32_t i = 0; i < alert->informed_count; i++)
		informed[i] = pack_selector(packing, &alert->informed[i]);
	to->has_cause = to->has_effect = to->has_severity_level = true;
	to->cause = (TransitRealtime__Alert__Cause)alert->cause;
	to->effect = (TransitRealtime__Alert__Effect)alert->effect;
	to->severity_level = (TransitRealtime__Alert__SeverityLevel)alert->severity;
	to->header_text = pack_texts(packing, &alert->header);
	to->description_text = pack_texts(packing, &alert->description);
	to->url = pack_texts(packing, &alert->url);
	return to;
}
