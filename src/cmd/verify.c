/* nilometer verify: is the store whole, as far as it can tell by itself? One answer, yes or the first thing that is not; doctor lists them all. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "store/store.h"

#define PAGES "what the file is made of is in order"
#define NOT_PROVED                                                                                                                  \
    "that nobody who may write to the store changed readings, values and all that is derived from them alike. A log of roots, of which a copy is " \
    "kept elsewhere, will show that; until then an older backup is what to compare with"

static bool is_checked(const struct nilo_check *c)
{
    return c->level == NILO_CHECK_WRONG;
}

static bool is_file(const char *target)
{
    return strncmp(target, "postgres://", strlen("postgres://")) != 0 && strncmp(target, "postgresql://", strlen("postgresql://")) != 0;
}

static int print_whole(FILE *out, const char *target)
{
    fprintf(out, "The store ");
    nilo__put(out, target);
    fprintf(out, " is whole, as far as it can tell by itself:\n");
    if (is_file(target))
        fprintf(out, "  %-14s %s\n", "pages", PAGES);
    for (size_t i = 0; i < nilo_checks_n; i++) {
        if (is_checked(&nilo_checks[i]))
            fprintf(out, "  %-14s %s\n", nilo_checks[i].name, nilo_checks[i].fine);
    }
    if (!is_file(target))
        fprintf(out, "Its pages are for the server to check (data checksums, pg_amcheck).\n");
    fprintf(out, "Not proved: %s.\n", NOT_PROVED);
    return 0;
}

/* found: NULL, or the sentence about what is damaged. */
static int print_json(FILE *out, const char *target, const char *found, struct nilo_err *err)
{
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, "store");
    nilo_json_str(&a.json, target);
    nilo_json_key(&a.json, "result");
    nilo_json_str(&a.json, found != NULL ? "damaged" : "whole");
    nilo_json_key(&a.json, "finding");
    nilo_json_str(&a.json, found);
    nilo_json_key(&a.json, "checks");
    nilo_json_array_begin(&a.json);
    if (is_file(target))
        nilo_json_str(&a.json, "pages");
    for (size_t i = 0; i < nilo_checks_n; i++) {
        if (is_checked(&nilo_checks[i]))
            nilo_json_str(&a.json, nilo_checks[i].name);
    }
    nilo_json_array_end(&a.json);
    nilo_json_key(&a.json, "not_proved");
    nilo_json_str(&a.json, NOT_PROVED);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, out, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct nilo_err found = {0}, unprinted;
    if (nilo__operands(ctx, 0, 0, err) != 0)
        return -1;
    struct nilo_progress *bar = nilo_progress_new(ctx, "opening", 0);
    if (nilo_cmd_store(ctx, NILO_STORE_READ, &s, err) != 0) {
        nilo_progress_done(bar);
        return -1;
    }
    int rc = nilo_store_verify(s, nilo__step, bar, &found);
    nilo_progress_done(bar);
    if (rc == 0)
        rc = ctx->json ? print_json(ctx->out, nilo_store_target(s), NULL, &found) : print_whole(ctx->out, nilo_store_target(s));
    else if (ctx->json && found.code == NILO_ECORRUPT)
        print_json(ctx->out, nilo_store_target(s), found.msg, &unprinted); /* the sentence on stderr says it too */
    if (rc != 0 && err != NULL)
        *err = found;
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_verify = {
    .name = "verify",
    .summary = "check that the store is whole",
    .description =
        "Reads all of the store and answers yes, or no with the first thing that is not as it must be: on SQLite the pages of the file, then every "
        "check of nilometer doctor whose findings are wrong: no key twice, every value has its item, metric and run and is what its reading says, no "
        "amendment is gone, closed days hold what they held and were not written to, and latest, best and totals are what the record gives. "
        "Nothing is written; others may go on using the store. nilometer doctor lists everything there is to find, and what is no damage but odd.\n"
        "\n"
        "What it does not prove: " NOT_PROVED ".\n"
        "\n"
        "Exit status: 0 whole; 1 damaged, or the store cannot be read. --json prints one object: store, result (whole or damaged), finding, the names of "
        "the checks, not_proved; nothing when the store cannot be opened.\n",
    .run = run,
};
