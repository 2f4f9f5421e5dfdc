/* What a node profile says of its node: which objects it has, and who it is. */
#include "echonet/controller_int.h"

#include <stdlib.h>

#define EOJ_BYTES 3u
#define MAKER_BYTES 4u /* of an identification number, before the part that the maker gives: FE and the maker's code */

static uint32_t eoj_at(struct str list, size_t index)
{
	const uint8_t *at = (const uint8_t *)list.at + 1 + EOJ_BYTES * index;

	return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

/* What the list holds, cut where it or the bound ends; a repeated object and a node profile do not count. */
static size_t read_list(struct str list, uint32_t eojs[static ECHONET_OBJECTS_MAX])
{
	size_t told = list.len ? (uint8_t)list.at[0] : 0, count = 0;

	for (size_t i = 0; i < told && 1 + EOJ_BYTES * (i + 1) <= list.len && count < ECHONET_OBJECTS_MAX; i++) {
		uint32_t eoj = eoj_at(list, i);
		size_t k = 0;

		while (k < count && eojs[k] != eoj)
			k++;
		if (k == count && eoj >> 8 != ECHONET_NODE_PROFILE_CLASS)
			eojs[count++] = eoj;
	}
	return count;
}

static bool is_same(const struct echonet_node *node, const uint32_t *eojs, size_t count)
{
	bool same = node->object_count == count + 1;

	for (size_t i = 0; i < count && same; i++)
		same = echonet_node_object(node, eojs[i]) != NULL;
	return same;
}

bool echonet_identity_list(struct echonet_peer *peer, struct str list, bool *ret_changed)
{
	uint32_t eojs[ECHONET_OBJECTS_MAX];
	size_t count = read_list(list, eojs);
	struct echonet_object *objects;

	*ret_changed = false;
	if (is_same(&peer->node, eojs, count))
		return true;
	objects = calloc(count + 1, sizeof(*objects));
	if (!objects)
		return false;
	objects[0] = peer->node.objects[0];
	for (size_t i = 0; i < count; i++) {
		const struct echonet_object *before = echonet_node_object(&peer->node, eojs[i]);

		objects[i + 1] =
			before ? *before
			       : (struct echonet_object){.eoj = eojs[i], .class_code = (uint16_t)(eojs[i] >> 8)};
		if (!before)
			echonet_object_want_maps(&objects[i + 1]);
	}
	free(peer->node.objects);
	peer->node.objects = objects;
	peer->node.object_count = (uint16_t)(count + 1);
	*ret_changed = true;
	return true;
}

/* Does the part that tells nodes apart say anything? */
static bool is_telling(struct str number)
{
	bool zeros = true, ones = true;

	if (number.len != ECHONET_ID_BYTES)
		return false;
	for (size_t i = MAKER_BYTES; i < number.len; i++) {
		zeros = zeros && number.at[i] == 0;
		ones = ones && (uint8_t)number.at[i] == 0xff;
	}
	return !zeros && !ones;
}

/* Another node of that number. */
static struct echonet_peer *find_twin(const struct echonet_controller *controller, const struct echonet_peer *peer,
				      struct str number)
{
	for (size_t i = 0; i < controller->peer_count; i++) {
		struct echonet_peer *other = controller->by_index[i];

		if (other != peer && other->node.has_id && memcmp(other->node.id, number.at, number.len) == 0)
			return other;
	}
	return NULL;
}

void echonet_identity_number(struct echonet_controller *controller, struct echonet_peer *peer, struct str number,
			     bool *ret_changed)
{
	bool had_id = peer->node.has_id, has_id = is_telling(number);
	struct echonet_peer *twin = has_id ? find_twin(controller, peer, number) : NULL;

	if (twin && twin->node.is_up)
		has_id = false;
	else if (twin && twin->is_named)
		twin->node.has_id = false; /* its address may be somebody else's one day */
	else if (twin)
		echonet_peer_remove(controller, twin);
	*ret_changed = had_id != has_id || (has_id && memcmp(peer->node.id, number.at, number.len) != 0);
	peer->node.has_id = has_id;
	if (has_id)
		memcpy(peer->node.id, number.at, number.len);
}
