/* An SQLite VFS that hands everything to the system's, and fails a write or an fsync when told to; or the process dies at such a moment: what it
 * does to the disk afterwards happens to nobody. */
#ifndef NILO_TESTS_DB_FAULTY_VFS_H
#define NILO_TESTS_DB_FAULTY_VFS_H

#include <stdbool.h>

#define FAULTY_VFS "faulty"

struct faulty {
    int syncs, writes;         /* so far */
    int fail_sync, fail_write; /* the n-th from now on fails; 0 = none */
    int sticky;                /* the ones after it as well */
    int write_code;            /* what a failing write returns: SQLITE_FULL, SQLITE_IOERR_WRITE */
    int short_write;           /* a failing write has written half of its bytes */
    int failed;                /* writes and syncs that were failed so far */
    int kill_at;               /* at the n-th change of the disk from now the process dies, a write half done; 0 = none */
    bool dead;
};
extern struct faulty faulty;

void faulty_register(void);

#endif
