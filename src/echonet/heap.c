/* The peers by what is due first: a binary heap in which each knows its place. */
#include "echonet/controller_int.h"

static void place(struct echonet_heap *heap, size_t at, struct echonet_peer *peer)
{
	heap->at[at] = peer;
	peer->heap_at = at;
}

static void rise(struct echonet_heap *heap, size_t at, struct echonet_peer *peer)
{
	while (at > 0 && heap->at[(at - 1) / 2]->due_us > peer->due_us) {
		place(heap, at, heap->at[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(heap, at, peer);
}

static void sink(struct echonet_heap *heap, size_t at, struct echonet_peer *peer)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < heap->count && heap->at[child + 1]->due_us < heap->at[child]->due_us)
			child++;
		if (child >= heap->count || heap->at[child]->due_us >= peer->due_us)
			break;
		place(heap, at, heap->at[child]);
		at = child;
	}
	place(heap, at, peer);
}

void echonet_heap_set(struct echonet_heap *heap, struct echonet_peer *peer, int64_t due_us)
{
	int64_t before_us = peer->due_us;

	peer->due_us = due_us;
	if (peer->heap_at == ECHONET_NO_HEAP) {
		heap->count++;
		rise(heap, heap->count - 1, peer);
	} else if (due_us < before_us) {
		rise(heap, peer->heap_at, peer);
	} else {
		sink(heap, peer->heap_at, peer);
	}
}

void echonet_heap_remove(struct echonet_heap *heap, struct echonet_peer *peer)
{
	size_t at = peer->heap_at;

	if (at == ECHONET_NO_HEAP)
		return;
	struct echonet_peer *last = heap->at[--heap->count];

	peer->heap_at = ECHONET_NO_HEAP;
	if (last == peer)
		return;
	place(heap, at, last);
	rise(heap, at, last);
	sink(heap, last->heap_at, last);
}
