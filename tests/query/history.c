/* Random histories: late values, corrections (down, up, to an absence), runs that are taken out and days that are replaced while they are open. */
#include "query/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/query.h"

enum { VIEWS = 1, LIKES = 5 };

static const struct nilo_policy collecting = {.kind = NILO_RUN_COLLECT, .platform = true}, pushing = {.kind = NILO_RUN_PUSH},
                                revising = {.kind = NILO_RUN_REVISE, .revise = true};

struct nilo_connection history_channel(struct stores *s, int i)
{
    return i ? stores_connection(s, "us", "UTC", "second", "tiktok", "db") : stores_connection(s, "us", "UTC", "channel", "youtube", "db");
}

/* ---- a history ---------------------------------------------------------------------------------------------------------------------- */

static void credit(struct stores *s, int channel_no, const char *item, const char *owner, int32_t from, int32_t to)
{
    struct nilo_connection c = history_channel(s, channel_no);
    struct nilo_credit_in in = {.entity = put_entity(s, &c, item), .workspace = c.workspace, .from_day = NILO_DAY(from), .to_day = NILO_DAY(to)};
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_owner(s->store, c.workspace, owner, true, &in.owner, &s->err));
    ok(s, nilo_store_credit_add(s->store, &in, 1, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

static void take_out(struct stores *s, int64_t run)
{
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_run_count(s->store, run, NILO_REJECTED, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

/* A reading of one item and day; how it is recorded is a matter of chance. */
static void read_one(struct stores *s, const struct nilo_random *r, int32_t day, int64_t *last_run)
{
    static const char *const items[] = {"a", "b", "c"};
    int which = (int)nilo_random_below(r, 4);
    struct nilo_connection c = history_channel(s, which == 3);
    uint64_t dice = nilo_random_below(r, 10);
    struct put p = {.external_id = which == 3 ? "t" : items[which], .day = day, .metric = nilo_random_below(r, 3) ? VIEWS : LIKES,
                    .win = nilo_random_below(r, 6) ? 0 : 30, .value = (int64_t)nilo_random_below(r, 100),
                    .captured_at = day * NILO_US_DAY + (nilo_us)nilo_random_below(r, 24) * NILO_US_HOUR};
    if (nilo_random_below(r, 5) == 0)
        p.absence = nilo_random_below(r, 2) ? NILO_HIDDEN : NILO_FAILED;
    s->clock.wall += NILO_US_MINUTE;
    put_all(s, &c, dice < 2 ? revising : dice < 4 ? pushing : collecting, &p, 1);
    if (nilo_random_below(r, 4) == 0)
        *last_run = p.run;
}

void history(struct stores *s, uint64_t seed, const struct history *how)
{
    struct nilo_seeded_random seeded;
    struct nilo_random r = nilo_seeded_random(&seeded);
    int64_t suspect = 0;
    nilo_seeded_random_init(&seeded, seed);
    s->clock.wall = JAN * NILO_US_DAY;
    credit(s, 0, "a", "ann", JAN + 5, JAN + 25);
    credit(s, 0, "b", "ann", NILO_DAY_NONE.n, NILO_DAY_MAX.n);
    credit(s, 1, "t", "bob", JAN + 14, NILO_DAY_MAX.n);
    credit(s, 0, "b", "bob", NILO_DAY_NONE.n, JAN + 10);
    for (int32_t day = JAN; day < JAN + DAYS; day++) {
        struct nilo_connection c = history_channel(s, 0), t = history_channel(s, 1);
        s->clock.wall = day * NILO_US_DAY + 6 * NILO_US_HOUR;
        for (int i = 0; i < 3 && day % 5; i++)
            read_one(s, &r, day, &suspect);
        for (int i = 0; i < 4; i++) /* late, restated, corrected; yesterday and the day before it are open */
            read_one(s, &r, nilo_random_below(&r, 2) ? day - (int32_t)nilo_random_below(&r, 3) % (day - JAN + 1)
                                                     : JAN + (int32_t)nilo_random_below(&r, (uint64_t)(day - JAN + 1)), &suspect);
        if (!how->all_count && suspect && nilo_random_below(&r, 4) == 0)
            take_out(s, suspect), suspect = 0;
        if (how->look != NULL)
            how->look(how->ctx, s, day);
        s->clock.wall += NILO_US_HOUR;
        if (day > JAN + 2) {
            put_close(s, &c, day - 3);
            put_close(s, &t, day - 3);
        }
    }
}

/* ---- questions ------------------------------------------------------------------------------------------------------------------------ */

void history_moment(nilo_us at, char out[NILO_US_TEXT])
{
    nilo_us_format(at, out);
    memcpy(strchr(out, '+'), "Z", 2); /* UTC, spelt so that it stands in an address too */
}

static int to_buf(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)err;
    return nilo_buf_add(ctx, p, n);
}

void history_ask(struct stores *s, const char *question, const char *as_of, struct nilo_buf *to)
{
    const struct nilo_request request = NILO_REQUEST_DEFAULT;
    static const struct nilo_scope everything = {.all = true, .role = NILO_ROLE_SERVICE};
    struct nilo_notes notes;
    struct nilo_query *q;
    struct nilo_writer *w;
    char text[400];
    if (strchr(question, '?')) {
        snprintf(text, sizeof text, "%s%s%s", question, as_of ? "&as_of=" : "", as_of ? as_of : "");
        ok(s, nilo_query_parse(s->store, text, strlen(text), &request, &q, &notes, &s->err));
    } else {
        struct nilo_arg args[8] = {{"as_of", as_of}};
        size_t n = as_of != NULL;
        char *save = NULL;
        snprintf(text, sizeof text, "%s", question);
        const char *name = strtok_r(text, " ", &save);
        for (char *word; (word = strtok_r(NULL, " ", &save)) != NULL;) {
            char *equals = strchr(word, '=');
            *equals = '\0';
            args[n++] = (struct nilo_arg){word, equals + 1};
        }
        ok(s, nilo_query_call(name, args, n, &request, &q, &notes, &s->err));
    }
    ok(s, nilo_writer_new(NILO_FORMAT_CSV, false, to_buf, to, &w, &s->err));
    struct nilo_sink sink = nilo_writer_sink(w);
    ok(s, nilo_query_run(q, s->store, &everything, &sink, &s->err));
    ok(s, nilo_writer_end(w, &s->err));
    nilo_writer_free(w);
    nilo_query_free(q);
}

