/* get and call against a server: --url. The same grammar, formats and exit statuses; what is asked goes over HTTP and the answer is printed as it comes. */
#ifndef NILO_CMD_URL_H
#define NILO_CMD_URL_H

#include "cmd/cmd_priv.h"
#include "query/query.h"

/* Beside --url, of the commands that take it. */
#define NILO__URL_OPTIONS                                                                                              \
    {"key-file", "FILE", "with --url: the file that holds the key or token; default: what NILOMETER_KEY holds", false}, \
        {"ca-file", "FILE", "with --url: certificates (PEM) to trust instead of the system's", false},                 \
        {"timeout", "SECONDS", "with --url: how long the whole answer may take; default 300", false}

/** nilo__url_get - the request (RELATION?FILTERS) of --url, printed
 *  errors  NILO_EUSAGE the URL, NILO_ESOURCE no answer, what the server says: with the code that it has here, so that the exit status is the same */
int nilo__url_get(struct nilo_cmd_ctx *ctx, const char *request, enum nilo_format format, struct nilo_err *err);
/** nilo__url_call - the function, likewise. writes: it is asked to do something, with POST */
int nilo__url_call(struct nilo_cmd_ctx *ctx, const char *function, const struct nilo_arg *args, size_t n, bool writes, enum nilo_format format, struct nilo_err *err);

#endif
