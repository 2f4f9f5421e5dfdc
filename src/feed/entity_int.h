/* Building expanded entity documents (ngsild/document.h) as trees. Shared within this room.
 *
 * The trees are what expand_entity() would make of the same entity, without the detour over a body. Errors are sticky:
 * an entity that the arena had no room for is known by entity_done(). Texts are borrowed. */
#ifndef MACHI_FEED_ENTITY_INT_H
#define MACHI_FEED_ENTITY_INT_H

#include "geo/geo.h"
#include "json/json.h"

#define COORDINATE_DECIMALS 7 /* of a degree: a centimetre */

struct entity {
	struct arena *arena;
	struct json root;
	struct json created; /* the stamp that every instance gets */
	struct json observed; /* observedAt of what is added next; JSON_NULL: none */
	bool failed;
};

void entity_begin(struct entity *entity, struct arena *arena, struct str id, struct str type_iri, int64_t now_us);
/* Makes room for so many attributes at once, which saves a large entity its growing. More may come. */
void entity_expect(struct entity *entity, uint32_t attributes);
/* Without id and type: a fragment. */
void entity_begin_fragment(struct entity *entity, struct arena *arena, int64_t now_us);
void entity_property(struct entity *entity, struct str iri, struct json value);
/* Nothing is added when the text is empty. */
void entity_text(struct entity *entity, struct str iri, struct str value);
void entity_number(struct entity *entity, struct str iri, int64_t value);
void entity_with_unit(struct entity *entity, struct str iri, struct json value, struct str unit_code);
void entity_list(struct entity *entity, struct str iri, struct json items); /* ListProperty */
void entity_relationship(struct entity *entity, struct str iri, struct str target);
void entity_relationships(struct entity *entity, struct str iri, struct json targets);
void entity_languages(struct entity *entity, struct str iri, struct json map); /* LanguageProperty */
void entity_geo(struct entity *entity, struct str iri, struct json geometry);
/* [lon, lat] and a Point of it. */
struct json entity_coordinates(struct entity *entity, struct geo_point place, int decimals);
struct json entity_point(struct entity *entity, struct geo_point place, int decimals);
/* An array with room for count items. */
struct json entity_array(struct entity *entity, uint32_t count);
void entity_push(struct entity *entity, struct json *array, struct json item);
/* A member of an object. */
void entity_member(struct entity *entity, struct json *object, struct str key, struct json value);
/* The finished document in the arena; NULL when something failed. */
struct json *entity_done(struct entity *entity);

#endif
