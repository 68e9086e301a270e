/* refresh_metrics: every item of the platform connections, read now, and a summary in the words that apps know. What rpc/refresh_metrics and the cron paths
 * answer and what `nilometer refresh` prints is the same document. */
#ifndef NILO_COLLECT_REFRESH_H
#define NILO_COLLECT_REFRESH_H

#include "base/buf.h"
#include "collect/collect.h"

struct nilo_refresh_options {
    const char *workspace, *connection; /* NULL = all */
    bool (*stop)(void *ctx);            /* as of nilo_collect_options; may be NULL */
    void *stop_ctx;
    struct nilo_http *http, *token_http; /* as of nilo_collect_options; NULL = the real ones */
    nilo_collect_report_fn *report;     /* told of each connection as well; may be NULL */
    void *report_ctx;
};

#define NILO_REFRESH_MESSAGE 120
struct nilo_refreshed {
    struct nilo_collect_result result;
    int64_t posts, updated, errors;    /* the summary's totals: posts taken up; of them read and recorded; sentences in details, those left out there too */
    char message[NILO_REFRESH_MESSAGE]; /* Refreshed metrics for X posts across Y platform connections */
};

/** nilo_refresh - collects from platform connections, every item, whatever was read when. Databases are collected, not refreshed.
 *  ret_json  appended: {ok, message, summary, details}, one line without its end; a part that failed is in details.errors ("Post <id>: <sentence>")
 *  errors    NILO_ENOENT no such workspace, NILO_ENAME no connection of a platform bears that name, those of nilo_collect() */
int nilo_refresh(struct nilo_store *s, const struct nilo_config *config, const struct nilo_refresh_options *o, struct nilo_buf *ret_json, struct nilo_refreshed *ret,
                 struct nilo_err *err);

#endif
