/* Shared by doctor.c (the checks) and doctor_item.c (one item side by side). */
#ifndef NILO_CMD_DOCTOR_H
#define NILO_CMD_DOCTOR_H

#include "cmd/cmd_priv.h"

int nilo__doctor_item(struct nilo_cmd_ctx *ctx, const char *id, struct nilo_err *err);

#endif
