/* Notifications in memory: what a lane has read ahead. */
#include "notify/notify_int.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(struct str text)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a: it only tells entities apart that are in one lane */

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.at[i]) * 0x100000001b3u;
	return text.len ? hash | 1 : 0;
}

static void message_free(struct message *message)
{
	free(message->headers);
	free(message->wrapped);
	free(message->body);
	free(message);
}

struct message *message_new(struct lane *lane, const struct store_owed *owed)
{
	struct message *message = calloc(1, sizeof(*message));
	char *body = malloc(owed->body.len + 1);

	if (!message || !body) {
		free(message);
		free(body);
		return NULL;
	}
	memcpy(body, owed->body.at, owed->body.len);
	message->lane = lane;
	message->number = owed->number;
	message->made_us = owed->made_us;
	message->tries = owed->tries;
	message->entity = hash_of(owed->entity_id);
	message->body = body;
	message->body_bytes = owed->body.len;
	return message;
}

void message_append(struct lane *lane, struct message *message)
{
	if (lane->last)
		lane->last->next = message;
	else
		lane->first = message;
	lane->last = message;
	lane->count++;
	(void)atomic_fetch_add(&lane->outbox->notifier->waiting, 1);
}

void message_take_out(struct lane *lane, struct message *message)
{
	struct message *before = NULL;

	for (struct message *at = lane->first; at != message; at = at->next)
		before = at;
	if (before)
		before->next = message->next;
	else
		lane->first = message->next;
	if (lane->last == message)
		lane->last = before;
	lane->count--;
	(void)atomic_fetch_sub(&lane->outbox->notifier->waiting, 1);
	message_free(message);
}
