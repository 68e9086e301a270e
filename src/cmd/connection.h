/* Acts of nilometer connection that have a file of their own (connection_login.c, sign_in.c). */
#ifndef NILO_CMD_CONNECTION_H
#define NILO_CMD_CONNECTION_H

#include "cmd/cmd_priv.h"

const char *nilo__connection_workspace(const struct nilo_cmd_ctx *ctx);
/* The connection of operand 1. errors: NILO_ENOENT */
int nilo__connection_find(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_connection *ret, struct nilo_err *err);
/* Made where there is none, of the platform --platform. ret_made may be NULL */
int nilo__connection_make(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_connection *ret, bool *ret_made, struct nilo_err *err);

/* login, sync, show, test */
int nilo__connection_login(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err);
int nilo__connection_sync(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err);
int nilo__connection_show(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err);
int nilo__connection_test(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err);

/* connect, reconnect: run where they were called, with the person's browser and terminal; what they bring goes the way of login. */
int nilo__connection_connect(struct nilo_cmd_ctx *ctx, bool again, struct nilo_err *err);

/* When somebody has to sign in again, as a sentence; false: nothing to say. */
bool nilo__login_sentence(const struct nilo_connection *c, const struct nilo_login_row *row, int state, nilo_us ends_at, int64_t days, char *out, size_t size);

#endif
