/* A disk that fails: an SQLite VFS around the system's own, made the default one, so that the store under test needs to
 * know nothing of it.
 *
 * It counts writes, syncs and truncations. It can let the n-th of them fail, once or for good, and it can cut the
 * power at the n-th: it keeps beside each file what a sync has made durable and what came after, and makes from that
 * the files as they could be found when the power is back: every later write may be there, missing or torn.
 * Thread: any; one lock guards all. */
#ifndef MACHI_TESTS_FAULTY_VFS_H
#define MACHI_TESTS_FAULTY_VFS_H

#include <stdbool.h>
#include <stdint.h>

void faulty_vfs_install(void);

/* From now on the n-th operation (1: the next, 0: none) fails with this code, and with for_good all that follow. */
void faulty_vfs_fail(uint64_t n, int result_code, bool for_good);
uint64_t faulty_vfs_operations(void); /* since the last call of faulty_vfs_fail or faulty_vfs_cut */
bool faulty_vfs_fired(void);

/* Forgets all files and starts to keep them; the n-th operation is the last that happens (n 0: no cut). */
void faulty_vfs_cut(uint64_t n);
bool faulty_vfs_is_cut(void);
/* Writes the files of folder as they are found after the cut into to_folder; seed decides what became of the writes
 * that no sync covered. Ends the keeping. */
void faulty_vfs_after_cut(const char *folder, const char *to_folder, uint64_t seed);

#endif
