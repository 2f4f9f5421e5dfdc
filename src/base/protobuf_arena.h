/* protobuf-c's memory from an arena, for rooms that use that library: nothing is given back alone. */
#ifndef MACHI_BASE_PROTOBUF_ARENA_H
#define MACHI_BASE_PROTOBUF_ARENA_H

#include "base/arena.h"

#include <protobuf-c/protobuf-c.h>

struct protobuf_arena {
	ProtobufCAllocator allocator;
	struct arena *arena;
	bool refused; /* the arena had no room */
};

static inline void *protobuf_arena_alloc(void *self, size_t size)
{
	struct protobuf_arena *memory = self;
	void *at = arena_alloc(memory->arena, size);

	if (!at)
		memory->refused = true;
	return at;
}

static inline void protobuf_arena_free(void *self, void *at)
{
	(void)self;
	(void)at;
}

static inline void protobuf_arena_init(struct protobuf_arena *memory, struct arena *arena)
{
	*memory = (struct protobuf_arena){.arena = arena};
	memory->allocator = (ProtobufCAllocator){
		.alloc = protobuf_arena_alloc, .free = protobuf_arena_free, .allocator_data = memory};
}

#endif
