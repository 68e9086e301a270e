#include "faulty_vfs.h"

#include <sqlite3.h>
#include <stddef.h>

struct faulty faulty;

struct faulty_file {
    sqlite3_file base;
    _Alignas(8) char real[];
};

static sqlite3_vfs *system_vfs;

static sqlite3_file *real_of(sqlite3_file *f)
{
    return (sqlite3_file *)(void *)((struct faulty_file *)(void *)f)->real;
}

static int hits(int *left)
{
    if (*left == 0 || --*left > 0)
        return 0;
    if (faulty.sticky)
        *left = 1;
    return 1;
}

/* *ret_now: it is this change at which the process dies. */
static bool is_dead(bool *ret_now)
{
    bool now = faulty.kill_at > 0 && --faulty.kill_at == 0;
    if (ret_now)
        *ret_now = now;
    faulty.dead = faulty.dead || now;
    return faulty.dead;
}

static int write_half(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return n < 2 ? SQLITE_OK : real_of(f)->pMethods->xWrite(real_of(f), p, n / 2, at);
}

static int f_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}
static int f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}
static int f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    bool now;
    faulty.writes++;
    if (is_dead(&now)) {
        if (now)
            write_half(f, p, n, at);
        return SQLITE_IOERR_WRITE;
    }
    if (!hits(&faulty.fail_write))
        return real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
    faulty.failed++;
    if (faulty.short_write)
        write_half(f, p, n, at);
    return faulty.write_code;
}
static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return is_dead(NULL) ? SQLITE_IOERR_TRUNCATE : real_of(f)->pMethods->xTruncate(real_of(f), size);
}
static int f_sync(sqlite3_file *f, int flags)
{
    faulty.syncs++;
    if (is_dead(NULL))
        return SQLITE_IOERR_FSYNC;
    if (!hits(&faulty.fail_sync))
        return real_of(f)->pMethods->xSync(real_of(f), flags);
    faulty.failed++;
    return SQLITE_IOERR_FSYNC;
}
static int f_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}
static int f_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}
static int f_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}
static int f_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}
static int f_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}
static int f_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}
static int f_device(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}
static int f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}
static int f_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}
static void f_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}
static int f_shm_unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_reserved,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_device,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static int v_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
    (void)vfs;
    f->pMethods = NULL;
    int rc = system_vfs->xOpen(system_vfs, name, real_of(f), flags, out);
    if (real_of(f)->pMethods != NULL)
        f->pMethods = &methods;
    return rc;
}

static int v_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    return is_dead(NULL) ? SQLITE_IOERR_DELETE : system_vfs->xDelete(system_vfs, name, sync);
}

void faulty_register(void)
{
    static sqlite3_vfs vfs;
    if (system_vfs)
        return;
    system_vfs = sqlite3_vfs_find(NULL);
    vfs = *system_vfs;
    vfs.pNext = NULL;
    vfs.zName = FAULTY_VFS;
    vfs.szOsFile = (int)offsetof(struct faulty_file, real) + system_vfs->szOsFile;
    vfs.xOpen = v_open;
    vfs.xDelete = v_delete;
    sqlite3_vfs_register(&vfs, 0);
}
