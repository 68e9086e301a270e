/* nilometer doctor: is everything in place? Each check says what is wrong and what to do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "record/record.h"

enum finding { FINE, NOTED, WRONG };

/* Findings, printed as they come or collected as JSON. */
struct findings {
    struct nilo_cmd_ctx *ctx;
    struct nilo__answer answer;
    enum finding worst;
};

static void add(struct findings *f, const char *check, enum finding what, const char *text)
{
    static const char *const words[] = {"ok", "note", "wrong"};
    if (what > f->worst)
        f->worst = what;
    if (!f->ctx->json) {
        fprintf(f->ctx->out, "%-6s %-14s %s\n", words[what], check, text);
        return;
    }
    struct nilo_json_out *o = &f->answer.json;
    nilo_json_object_begin(o);
    nilo_json_key(o, "check");
    nilo_json_str(o, check);
    nilo_json_key(o, "result");
    nilo_json_str(o, words[what]);
    nilo_json_key(o, "text");
    nilo_json_str(o, text);
    nilo_json_object_end(o);
}

static void check_config(struct findings *f)
{
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    if (nilo_cmd_config(f->ctx, &c, &err) != 0)
        add(f, "configuration", WRONG, err.msg);
    else
        add(f, "configuration", FINE, c->path != NULL ? c->path : "none; defaults are used");
    nilo_config_free(c);
}

static void check_clock(struct findings *f, struct nilo_store *s)
{
    struct nilo_buf note;
    struct nilo_err err = {0};
    nilo_buf_init(&note, 4096);
    if (nilo_record_clock_note(s, &note, &err) != 0)
        add(f, "clock", WRONG, err.msg);
    else
        add(f, "clock", note.len > 0 ? WRONG : FINE, note.len > 0 ? nilo_buf_str(&note) : "agrees with the record");
    nilo_buf_done(&note);
}

static void check_connections(struct findings *f, struct nilo_store *s)
{
    struct nilo_connection *all = NULL;
    struct nilo_err err = {0};
    char text[700];
    size_t n = 0, odd = 0;
    if (nilo_store_connections(s, &all, &n, &err) != 0) {
        add(f, "connections", WRONG, err.msg);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(all[i].status, "connected") == 0)
            continue;
        snprintf(text, sizeof text, "%s in workspace %s is %s", all[i].name, all[i].workspace_name, all[i].status);
        add(f, "connections", strcmp(all[i].status, "disabled") == 0 ? NOTED : WRONG, text);
        odd++;
    }
    snprintf(text, sizeof text, "%zu, all connected", n);
    if (odd == 0)
        add(f, "connections", FINE, n > 0 ? text : "none yet");
    free(all);
}

static void check_store(struct findings *f)
{
    struct nilo_store *s = NULL;
    struct nilo_err err = {0};
    if (nilo_cmd_store(f->ctx, NILO_STORE_READ, &s, &err) != 0) {
        add(f, "store", WRONG, err.msg);
        return;
    }
    add(f, "store", FINE, nilo_store_target(s));
    check_clock(f, s);
    check_connections(f, s);
    nilo_store_close(s);
}

static int check_all(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct findings f = {.ctx = ctx};
    nilo__answer_init(&f.answer);
    nilo_json_array_begin(&f.answer.json);
    check_config(&f);
    check_store(&f);
    nilo_json_array_end(&f.answer.json);
    if (ctx->json && nilo__answer_print(&f.answer, ctx->out, err) != 0)
        return -1;
    nilo_buf_done(&f.answer.buf);
    return f.worst == WRONG ? 1 : 0;
}

static int accept_clock(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    if (nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    int rc = nilo_record_accept_clock(s, err);
    nilo_store_close(s);
    if (rc == 0) {
        char now[NILO_US_TEXT];
        nilo_us_format(ctx->env->clock.wall(ctx->env->clock.ctx), now);
        fprintf(ctx->out, "The clock is taken to be right: %s. Days close again.\n", now);
    }
    return rc;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    return nilo_args_get(ctx->args, "accept-clock") != NULL ? accept_clock(ctx, err) : check_all(ctx, err);
}

const struct nilo_cmd nilo_cmd_doctor = {
    .name = "doctor",
    .summary = "check configuration, store, clock and connections",
    .description = "Prints one line a check and exits 1 when something is wrong.\n\n"
                   "Days are closed by the clock. When it stands behind the newest record, or jumped far ahead, days stay open until a person says "
                   "that the present time is right: nilometer doctor --accept-clock.",
    .options = (const struct nilo_option[]){{"accept-clock", NULL, "the present time is right: let days close again", false}, {0}},
    .run = run,
};
