/* What serve lets in: the keys of the store and what the configuration says of credentials, into the gate (api/gate.h). */
#include "api/gate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cmd/cmd_priv.h"

/* Replaced as a whole by whoever changes it, so that another file lies there then. */
static bool stamp(const char *path, struct nilo__ring_watch *ret)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    struct nilo__ring_watch now = {.there = there, .inode = there ? st.st_ino : 0, .changed = there ? st.st_mtim : (struct timespec){0}, .size = there ? st.st_size : 0};
    bool same = now.there == ret->there && now.inode == ret->inode && now.size == ret->size && now.changed.tv_sec == ret->changed.tv_sec &&
                now.changed.tv_nsec == ret->changed.tv_nsec;
    now.path = ret->path;
    memcpy(now.store, ret->store, sizeof(now.store));
    *ret = now;
    return same;
}

/* Which file, and how it lies there before it is read. */
static int watch_from(struct nilo_store *s, struct nilo__ring_watch *watch, struct nilo_err *err)
{
    char *path = NULL;
    enum nilo_keys_place place;
    if (nilo_keys_path(nilo_store_uuid(s), &path, &place, err) != 0)
        return -1;
    free(watch->path);
    watch->path = path;
    memcpy(watch->store, nilo_store_uuid(s), sizeof(watch->store));
    (void)stamp(path, watch);
    return 0;
}

void nilo__gate_follow(struct nilo__ring_watch *watch, struct nilo_gate *gate)
{
    struct nilo_keys *keys = NULL;
    struct nilo_err err = {0};
    if (watch->path == NULL || stamp(watch->path, watch))
        return;
    int rc = watch->there ? nilo_keys_load(watch->path, watch->store, &keys, &err) : 0;
    if (rc == 0)
        rc = nilo_gate_ring(gate, keys, &err);
    if (rc == 0)
        nilo_log(NILO_LOG_NOTICE, "the keys of the store have changed, and count from now on", {"keys", watch->path});
    else
        nilo_log(NILO_LOG_ERROR, "the keys of the store have changed and cannot be used, those of before stay", {"error", err.msg});
}

int nilo__gate_load(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_gate *gate, struct nilo__ring_watch *watch, struct nilo_err *err)
{
    struct nilo__ring ring;
    struct nilo_config *config = NULL;
    if (watch_from(s, watch, err) != 0)
        return -1;
    if (nilo__ring_open(s, &ring, err) != 0 || nilo_cmd_config(ctx, &config, err) != 0) {
        nilo__ring_done(&ring);
        return -1;
    }
    struct nilo_gate_rules rules = {.ring = ring.keys, .config = config};
    ring.keys = NULL;
    nilo__ring_done(&ring);
    return nilo_gate_load(gate, &rules, err) == 0 ? nilo_gate_refresh(gate, s, err) : -1;
}
