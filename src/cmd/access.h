/* Keys of the API, as acts of nilometer key (token.c). */
#ifndef NILO_CMD_ACCESS_H
#define NILO_CMD_ACCESS_H

#include "cmd/cmd_priv.h"

int nilo__access_add(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err);
int nilo__access_revoke(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err);
/* Those there are, as a table (nothing where there are none) and as a member of an object. */
int nilo__access_table(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err);
int nilo__access_json(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_json_out *o, struct nilo_err *err);

#endif
