/* Shared by get and call: scope, format and output of an answer. */
#ifndef NILO_CMD_QUERY_PRIV_H
#define NILO_CMD_QUERY_PRIV_H

#include "cmd/cmd_priv.h"
#include "query/query.h"

/** nilo__answer_format - --format, else json with --json, else table. errors: NILO_EUSAGE */
int nilo__answer_format(const struct nilo_cmd_ctx *ctx, enum nilo_format *ret, struct nilo_err *err);
/** nilo__add_hint - puts what PostgREST says as a hint behind the message */
void nilo__add_hint(const struct nilo_notes *notes, struct nilo_err *err);
/** nilo__answer_query - runs it for --workspace, or for all, and prints the rows */
int nilo__answer_query(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_query *q, enum nilo_format format, struct nilo_err *err);

#endif
