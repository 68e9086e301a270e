/* Shared by the files of `nilometer status`. */
#ifndef NILO_CMD_STATUS_H
#define NILO_CMD_STATUS_H

#include <stdio.h>

#include "cmd/cmd_priv.h"
#include "collect/budget.h"

struct nilo__status_budget {
    struct nilo_budget_row row;
    struct nilo_forecast forecast;
    bool blocked;
};
/** nilo__status_budgets - those whose period is not over. owner: arena */
int nilo__status_budgets(struct nilo_store *s, struct nilo_arena *arena, struct nilo__status_budget **ret, size_t *ret_n, struct nilo_err *err);
void nilo__status_print_budgets(const struct nilo__status_budget *all, size_t n, FILE *out);
void nilo__status_json_budgets(const struct nilo__status_budget *all, size_t n, struct nilo_json_out *o);
/** nilo__status_*_retired - what the platforms of these connections do not count any more */
void nilo__status_print_retired(const struct nilo_connection *all, size_t n, FILE *out);
void nilo__status_json_retired(const struct nilo_connection *all, size_t n, struct nilo_json_out *o);

#endif
