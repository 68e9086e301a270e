/* An SQLite VFS that hands everything to the system's, and fails a write or an fsync when told to. */
#ifndef NILO_TESTS_DB_FAULTY_VFS_H
#define NILO_TESTS_DB_FAULTY_VFS_H

#define FAULTY_VFS "faulty"

struct faulty {
    int syncs, writes;         /* so far */
    int fail_sync, fail_write; /* the n-th from now on fails; 0 = none */
    int sticky;                /* the ones after it as well */
    int write_code;            /* what a failing write returns: SQLITE_FULL, SQLITE_IOERR_WRITE */
};
extern struct faulty faulty;

void faulty_register(void);

#endif
