/* /events over real sockets: who is told what, that nothing is told twice or left out, going on after a break, limits, and when a stream ends. The store is looked
 * at, and credentials are, when the test says so. */
#include "rest_world.h"
#include "support/pg.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/admit.h"
#include "api/events.h"
#include "record/record.h"

#define SECRET "0123456789abcdef0123456789abcdef" /* of rest_world.c */
#define CLOSED 20160                               /* long after everything that is recorded */

static struct rest_world r;
static struct nilo_events *events;
static struct nilo_gate *gate;
static struct nilo_store *reader;
static int32_t closed;

static void must(int rc, const struct nilo_err *err)
{
    if (rc != 0)
        fail_msg("%s", err->msg);
}

static void open_gate(void)
{
    struct nilo_err err = {0};
    struct nilo_gate_rules rules = {.anonymous = true};
    must(nilo_jwt_keys_new(&rules.tokens, &err), &err);
    must(nilo_jwt_keys_add_secret(rules.tokens, SECRET, 32, NULL, &err), &err);
    must(nilo_gate_new(&r.env, &gate, &err), &err);
    must(nilo_gate_load(gate, &rules, &err), &err);
}

static bool open_world(enum nilo_db_engine engine, struct nilo_events_config config)
{
    struct nilo_err err = {0};
    if (rest_world_open(&r, engine) != 0)
        return false;
    open_gate();
    config.env = &r.env;
    config.gate = gate;
    must(nilo_events_new(&config, &events, &err), &err);
    must(nilo_store_open(nilo_store_target(r.f.store), NILO_STORE_READ, &r.env, &reader, &err), &err);
    r.api.events = events;
    closed = CLOSED;
    return true;
}

static void close_world(void)
{
    r.api.events = NULL; /* nobody asks any more */
    nilo_events_free(events);
    nilo_store_close(reader);
    rest_world_close(&r);
    nilo_gate_free(gate);
}

static void look(void)
{
    struct nilo_err err = {0};
    must(nilo_events_look(events, reader, &err), &err);
}

/* The next day of a connection closes, n of them. */
static void close_days(int64_t workspace, const char *name, int n)
{
    struct nilo_connection c;
    struct nilo_err err = {0};
    int days;
    closed += n;
    must(nilo_store_begin(r.f.store, &err), &err);
    must(nilo_store_connection(r.f.store, workspace, name, false, NULL, NULL, &c, &err), &err);
    if (nilo_day_is_none(c.closed_until) || c.closed_until.n < closed - n) /* everything before, in one go */
        must(nilo_store_close_days(r.f.store, &c, NILO_DAY(closed - n), 0, r.f.clock.wall, NULL, NULL, &days, &err), &err);
    must(nilo_store_connection(r.f.store, workspace, name, false, NULL, NULL, &c, &err), &err);
    must(nilo_store_close_days(r.f.store, &c, NILO_DAY(closed), 0, r.f.clock.wall + 1, NULL, NULL, &days, &err), &err);
    must(nilo_store_commit(r.f.store, &err), &err);
}

/* An item of a connection is found to be private, or public again. */
static void item_is(int64_t workspace, const char *name, const char *id, const char *status)
{
    struct nilo_connection c;
    struct nilo_entity_ref e;
    struct nilo_err err = {0};
    const struct nilo_attrs a = {.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = r.f.clock.wall, .duration_ms = -1, .status = status};
    must(nilo_store_begin(r.f.store, &err), &err);
    must(nilo_store_connection(r.f.store, workspace, name, false, NULL, NULL, &c, &err), &err);
    must(nilo_store_item(r.f.store, &c, id, &e, &err), &err);
    must(nilo_store_content_set(r.f.store, e, &a, 1u << NILO_ATTR_STATUS, &err), &err);
    must(nilo_store_commit(r.f.store, &err), &err);
}

/* ---- a listener ------------------------------------------------------------------------------------------------------------------------- */

struct ear {
    struct client c;
    struct nilo_buf text; /* what was said: chunks put together */
    bool ended;           /* properly */
    size_t seen;          /* of text, by hears() */
    char head[4000];
};

static void token(struct nilo_buf *out, const char *role, const char *const *places, size_t n, int64_t seconds)
{
    struct nilo_err err = {0};
    const struct nilo_jwt_issue issue = {.role = role, .sub = "u", .workspaces = places, .n_workspaces = n, .iat = 1,
                                         .exp = atomic_load(&r.wall) / NILO_US_SECOND + seconds};
    must(nilo_jwt_sign(SECRET, 32, NULL, &issue, out, &err), &err);
}

static bool receive(struct ear *e)
{
    char bytes[65536];
    ssize_t n = recv(e->c.fd, bytes, sizeof(bytes), 0);
    if (n < 0)
        fail_msg("nothing came; what was said: %s", nilo_buf_str(&e->text));
    nilo_buf_add(&e->c.in, bytes, (size_t)n);
    return n > 0;
}

static void drop(struct ear *e, size_t n)
{
    memmove(e->c.in.data, e->c.in.data + n, e->c.in.len - n + 1);
    e->c.in.len -= n;
}

/* The chunks that are there as a whole. */
static void take_chunks(struct ear *e)
{
    for (;;) {
        const char *at = nilo_buf_str(&e->c.in), *end = strstr(at, "\r\n");
        size_t n = strtoul(at, NULL, 16);
        if (end == NULL || e->c.in.len < (size_t)(end - at) + 2 + n + 2)
            return;
        nilo_buf_add(&e->text, end + 2, n);
        e->ended = e->ended || n == 0;
        drop(e, (size_t)(end - at) + 2 + n + 2);
    }
}

/* Waits until that was said, behind what was waited for before. */
static void hears(struct ear *e, const char *what)
{
    const char *at;
    take_chunks(e);
    while ((at = strstr(nilo_buf_str(&e->text) + e->seen, what)) == NULL) {
        if (e->ended || !receive(e))
            fail_msg("it ended without %s: %s", what, nilo_buf_str(&e->text));
        take_chunks(e);
    }
    e->seen = (size_t)(at - nilo_buf_str(&e->text)) + strlen(what);
}

static void hears_the_end(struct ear *e)
{
    while (!e->ended && receive(e))
        take_chunks(e);
    assert_true(e->ended);
}

static int count(const struct ear *e, const char *what)
{
    int n = 0;
    for (const char *at = nilo_buf_str(&e->text); (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

/* role NULL: over the Unix socket. The status; 200: it listens, and what came first is read. */
static int ear_ask(struct ear *e, const char *method, const char *path, const char *role, const char *const *places, size_t n, const char *last, int64_t seconds)
{
    struct nilo_buf b;
    *e = (struct ear){0};
    nilo_buf_init(&e->text, 1 << 26);
    nilo_buf_init(&b, 65536);
    if (role == NULL)
        client_open_at(&e->c, r.socket);
    else
        client_open(&e->c, &r.w);
    nilo_buf_addf(&b, "%s %s HTTP/1.1\r\nHost: h\r\n", method, path);
    if (role != NULL) {
        nilo_buf_adds(&b, "Authorization: Bearer ");
        token(&b, role, places, n, seconds);
        nilo_buf_adds(&b, "\r\n");
    }
    if (last != NULL)
        nilo_buf_addf(&b, "Last-Event-ID: %s\r\n", last);
    nilo_buf_adds(&b, "\r\n");
    client_send(&e->c, b.data);
    nilo_buf_done(&b);
    const char *end;
    while ((end = strstr(nilo_buf_str(&e->c.in), "\r\n\r\n")) == NULL)
        assert_true(receive(e));
    snprintf(e->head, sizeof(e->head), "%.*s", (int)(end + 2 - e->c.in.data), e->c.in.data);
    drop(e, (size_t)(end + 4 - e->c.in.data));
    return (int)strtol(e->head + strlen("HTTP/1.1 "), NULL, 10);
}

static const char *const acme[] = {"acme"}, *const beta[] = {"beta"}, *const both[] = {"acme", "beta"};

static void ear_open(struct ear *e, const char *path, const char *role, const char *const *places, size_t n, const char *last)
{
    int status = ear_ask(e, "GET", path, role, places, n, last, 3600);
    if (status != 200)
        fail_msg("%d for %s as %s", status, path, role);
    assert_non_null(strstr(e->head, "Content-Type: text/event-stream"));
    hears(e, "\n\n");
}

static void ear_close(struct ear *e)
{
    client_close(&e->c);
    nilo_buf_done(&e->text);
}

static void refused(const char *path, const char *role, const char *const *places, size_t n, int status)
{
    struct ear e;
    assert_int_equal(ear_ask(&e, "GET", path, role, places, n, NULL, 3600), status);
    ear_close(&e);
}

/* The id of the last thing that was said. */
static const char *last_id(const struct ear *e)
{
    static char id[32];
    const char *at = nilo_buf_str(&e->text), *found = NULL;
    while ((at = strstr(at, "id: ")) != NULL)
        found = at += 4;
    assert_non_null(found);
    snprintf(id, sizeof(id), "%.*s", (int)strcspn(found, "\n"), found);
    return id;
}

static int64_t listeners(void)
{
    struct nilo_events_counts c;
    nilo_events_counts(events, &c);
    return c.listeners;
}

/* ---- tests -------------------------------------------------------------------------------------------------------------------------------- */

static void who_listens_is_told_what_it_may_see(enum nilo_db_engine engine)
{
    struct ear user, admin, service, other, two, in_acme, mine;
    if (!open_world(engine, (struct nilo_events_config){0}))
        nilo_test_skip("%s", nilo_test_pg_missing());
    ear_open(&user, "/events", "authenticated", acme, 1, NULL);
    ear_open(&admin, "/events", "admin", acme, 1, NULL);
    ear_open(&service, "/events", NULL, NULL, 0, NULL);
    ear_open(&other, "/events", "admin", beta, 1, NULL);
    ear_open(&two, "/events", "authenticated", both, 2, NULL);
    ear_open(&in_acme, "/w/acme/events", NULL, NULL, 0, NULL);
    ear_open(&mine, "/w/beta/events", "admin", both, 2, NULL);
    assert_non_null(strstr(nilo_buf_str(&user.text), "event: ready\ndata: {}\n"));
    refused("/events", "anon", acme, 1, 401);
    refused("/w/beta/events", "admin", acme, 1, 404);
    refused("/w/none/events", "admin", acme, 1, 404);
    refused("/events", "authenticated", NULL, 0, 400); /* there are two, and it names none */
    rest_record(&r, 900);
    look();
    hears(&admin, "event: run_finished\ndata: {\"workspace\":\"acme\",\"connection\":\"yt\",\"run\":");
    hears(&admin, "\"runs\":1,\"kind\":\"collect\",\"status\":\"completed\",\"ended_at\":\"2025-03-10T12:00:00");
    close_days(r.f.a, "yt", 3);
    close_days(r.f.b, "yt", 1);
    look();
    struct ear *const of_acme[] = {&user, &admin, &service, &two, &in_acme}, *const of_beta[] = {&other, &service, &two, &mine};
    for (size_t i = 0; i < 5; i++)
        hears(of_acme[i], "event: day_closed\ndata: {\"workspace\":\"acme\",\"connection\":\"yt\",\"from\":");
    for (size_t i = 0; i < 4; i++)
        hears(of_beta[i], "event: day_closed\ndata: {\"workspace\":\"beta\",\"connection\":\"yt\",\"from\":");
    item_is(r.f.a, "yt", "v1", "private");
    look();
    for (size_t i = 0; i < 5; i++)
        hears(of_acme[i], "event: content_event\ndata: {\"workspace\":\"acme\",\"connection\":\"yt\",\"event\":\"private\",\"day\":\"2025-03-10\",\"at\":\"2025-03-10T");
    for (size_t i = 0; i < 5; i++)
        hears(of_acme[i], ",\"items\":1,\"external_ids\":[\"v1\"]}\n");
    /* and nothing else has come by the time of one more */
    close_days(r.f.a, "yt", 1);
    close_days(r.f.b, "yt", 1);
    look();
    struct ear *const all[] = {&user, &admin, &service, &other, &two, &in_acme, &mine};
    for (size_t i = 0; i < 7; i++)
        hears(all[i], ",\"days\":1,\"status\":\"empty\"");
    for (size_t i = 0; i < 7; i++) {
        bool sees_acme = all[i] != &other && all[i] != &mine, sees_runs = all[i] == &admin || all[i] == &service || all[i] == &in_acme;
        assert_int_equal(count(all[i], "run_finished"), sees_runs ? 1 : 0);
        assert_int_equal(count(all[i], "content_event"), sees_acme ? 1 : 0);
        assert_int_equal(count(all[i], "\"acme\"") > 0, sees_acme);
        assert_int_equal(count(all[i], "\"beta\"") > 0, all[i] == &service || all[i] == &two || all[i] == &other || all[i] == &mine);
        ear_close(all[i]);
    }
    close_world();
}

static void who_listens_is_told_what_it_may_see_on_sqlite(void **state)
{
    (void)state;
    who_listens_is_told_what_it_may_see(NILO_DB_SQLITE);
}

static void who_listens_is_told_what_it_may_see_on_postgres(void **state)
{
    (void)state;
    who_listens_is_told_what_it_may_see(NILO_DB_POSTGRES);
}

static void a_stream_goes_on_where_it_was_or_says_that_it_cannot(void **state)
{
    struct ear a, b;
    char first[32], second[32];
    (void)state;
    assert_true(open_world(NILO_DB_SQLITE, (struct nilo_events_config){.ring = 4}));
    rest_record(&r, 900); /* closes what is over */
    ear_open(&a, "/events", "admin", acme, 1, NULL);
    snprintf(first, sizeof(first), "%s", last_id(&a));
    rest_record(&r, 901);
    look();
    hears(&a, "run_finished");
    hears(&a, "\n\n");
    snprintf(second, sizeof(second), "%s", last_id(&a));
    ear_close(&a);
    /* while nobody listens nothing is looked at; what happened is found out when somebody does */
    rest_record(&r, 902);
    rest_record(&r, 903);
    rest_pass(&r, NILO_EVENTS_LOOK_US);
    ear_open(&a, "/events", "admin", acme, 1, second);
    hears(&a, "run_finished");
    hears(&a, "run_finished");
    assert_int_equal(count(&a, "event: ready"), 1);
    ear_open(&b, "/events", "admin", acme, 1, first);
    for (int i = 0; i < 3; i++)
        hears(&b, "run_finished");
    assert_int_equal(count(&b, "event: reset"), 0);
    ear_close(&b);
    /* what a stranger is told about himself does not move with what others do */
    ear_open(&b, "/events", "admin", beta, 1, NULL);
    assert_string_equal(last_id(&b), first);
    ear_close(&b);
    /* four are kept: the first is over the edge with the sixth */
    rest_record(&r, 904);
    look();
    ear_open(&b, "/events", "admin", acme, 1, first);
    assert_int_equal(count(&b, "event: ready"), 1);
    ear_close(&b);
    rest_record(&r, 905);
    look();
    ear_open(&b, "/events", "admin", acme, 1, first);
    assert_non_null(strstr(nilo_buf_str(&b.text), "event: reset\n"));
    hears(&a, "run_finished");
    hears(&a, "run_finished");
    hears(&a, "\n\n");
    assert_string_equal(last_id(&b), last_id(&a)); /* what can be gone on from */
    ear_close(&b);
    ear_open(&b, "/events", "admin", acme, 1, "of-another-process");
    assert_non_null(strstr(nilo_buf_str(&b.text), "event: reset\n"));
    ear_close(&b);
    assert_int_equal(count(&a, "run_finished"), 4);
    ear_close(&a);
    close_world();
}

static void pushes_one_after_another_are_told_as_one(void **state)
{
    struct ear a;
    struct nilo_connection c;
    struct nilo_err err = {0};
    (void)state;
    assert_true(open_world(NILO_DB_SQLITE, (struct nilo_events_config){0}));
    must(nilo_store_connection(r.f.store, r.f.a, "yt", false, NULL, NULL, &c, &err), &err);
    ear_open(&a, "/events", "admin", acme, 1, NULL);
    for (int i = 0; i < 5; i++) {
        struct nilo_run run = {.workspace = c.workspace, .connection = c.id, .kind = i < 4 ? NILO_RUN_PUSH : NILO_RUN_COLLECT, .target_day = NILO_DAY_NONE,
                               .started_at = 1, .ended_at = NILO_US_NONE, .first_day = NILO_DAY(100 + i), .last_day = NILO_DAY(100 + i)};
        must(nilo_store_begin(r.f.store, &err), &err);
        must(nilo_store_run_begin(r.f.store, &run, &err), &err);
        run.status = NILO_COMPLETED;
        run.ended_at = i + 1;
        must(nilo_store_run_update(r.f.store, &run, &err), &err);
        must(nilo_store_commit(r.f.store, &err), &err);
    }
    look();
    hears(&a, "\"runs\":4,\"kind\":\"push\",\"status\":\"completed\"");
    hears(&a, "\"first_day\":\"1970-04-11\",\"last_day\":\"1970-04-14\"");
    hears(&a, "\"runs\":1,\"kind\":\"collect\"");
    assert_int_equal(count(&a, "run_finished"), 2);
    ear_close(&a);
    close_world();
}

static void streams_are_limited_by_address_and_in_total(void **state)
{
    struct ear e[3], one, two;
    (void)state;
    assert_true(open_world(NILO_DB_SQLITE, (struct nilo_events_config){.per_address = 3, .total = 4}));
    for (int i = 0; i < 3; i++)
        ear_open(&e[i], "/events", "admin", acme, 1, NULL);
    assert_int_equal(ear_ask(&one, "GET", "/events", "admin", beta, 1, NULL, 3600), 429);
    assert_non_null(strstr(one.head, "Retry-After: "));
    ear_close(&one);
    ear_open(&one, "/events", NULL, NULL, 0, NULL);
    assert_int_equal(ear_ask(&two, "GET", "/events", NULL, NULL, 0, NULL, 3600), 503);
    ear_close(&two);
    /* asking what there is needs no place */
    assert_int_equal(ear_ask(&two, "HEAD", "/events", NULL, NULL, 0, NULL, 3600), 200);
    ear_close(&two);
    /* who leaves makes room */
    ear_close(&e[0]);
    WORLD_UNTIL((nilo_events_check(events), listeners() == 3));
    ear_open(&e[0], "/events", "admin", acme, 1, NULL);
    for (int i = 0; i < 3; i++)
        ear_close(&e[i]);
    ear_close(&one);
    close_world();
}

static void a_stream_beats_and_ends_with_its_token(void **state)
{
    struct ear a, b;
    (void)state;
    assert_true(open_world(NILO_DB_SQLITE, (struct nilo_events_config){0}));
    assert_int_equal(ear_ask(&a, "GET", "/events", "admin", acme, 1, NULL, 100), 200);
    hears(&a, "ready");
    assert_int_equal(ear_ask(&b, "GET", "/events", "admin", acme, 1, NULL, 1000), 200);
    hears(&b, "ready");
    rest_pass(&r, NILO_EVENTS_HEARTBEAT_US - 1);
    nilo_server_kick(r.w.server);
    assert_int_equal(count(&a, "\n:\n"), 0);
    rest_pass(&r, 1);
    hears(&a, ":\n\n");
    hears(&b, ":\n\n");
    rest_pass(&r, 85 * NILO_US_SECOND);
    hears_the_end(&a);
    WORLD_UNTIL((nilo_events_check(events), listeners() == 1));
    rest_record(&r, 904);
    look();
    hears(&b, "run_finished");
    ear_close(&a);
    ear_close(&b);
    close_world();
}

static void a_stream_ends_when_its_credentials_are_revoked(void **state)
{
    struct ear a, b;
    struct nilo_err err = {0};
    struct nilo_events_counts c;
    (void)state;
    assert_true(open_world(NILO_DB_SQLITE, (struct nilo_events_config){0}));
    ear_open(&a, "/events", "admin", acme, 1, NULL);
    ear_open(&b, "/events", NULL, NULL, 0, NULL);
    must(nilo_gate_refresh(gate, reader, &err), &err);
    nilo_events_check(events);
    assert_int_equal(listeners(), 2); /* nothing is revoked yet */
    must(nilo_store_begin(r.f.store, &err), &err);
    must(nilo_store_revoke(r.f.store, NILO_REVOKED_USER, "u", NILO_US_NONE, &err), &err);
    must(nilo_store_commit(r.f.store, &err), &err);
    must(nilo_gate_refresh(gate, reader, &err), &err);
    nilo_events_check(events);
    hears_the_end(&a);
    rest_record(&r, 904);
    look();
    hears(&b, "run_finished");
    assert_int_equal(count(&a, "run_finished"), 0);
    nilo_events_counts(events, &c);
    assert_true(c.revoked == 1 && c.listeners == 1);
    ear_close(&a);
    ear_close(&b);
    close_world();
}

/* ---- nothing twice, nothing left out, while it is written ----------------------------------------------------------------------------------- */

#define RUNS 60

static void *record_runs(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < RUNS; i++)
        rest_record(&r, 1000 + i);
    return NULL;
}

static int64_t top_run(void)
{
    struct answer a;
    rest_ask(&r, &(struct rest_row){.as = "admin acme", .method = "GET", .target = "/rest/v1/runs?select=id&order=id.desc&limit=1"}, &a);
    const char *at = strstr(nilo_buf_str(&a.body), "\"id\":");
    int64_t id = at != NULL ? strtoll(at + 5, NULL, 10) : -1;
    answer_done(&a);
    return id;
}

static int64_t runs_now(void)
{
    int64_t newest;
    nilo_us at;
    struct nilo_err err = {0};
    must(nilo_store_newest_recorded(reader, 0, &at, &newest, &err), &err);
    return newest;
}

static void between_what_is_read_and_what_is_told_nothing_is_lost(void **state)
{
    struct ear ears[8];
    int64_t snapshot[8], first, last;
    pthread_t writer;
    (void)state;
    assert_true(open_world(NILO_DB_SQLITE, (struct nilo_events_config){0}));
    first = runs_now();
    assert_int_equal(pthread_create(&writer, NULL, record_runs, NULL), 0);
    for (int i = 0; i < 8; i++) {
        WORLD_UNTIL(runs_now() >= first + i * (RUNS / 8));
        rest_pass(&r, i % 2 == 0 ? NILO_EVENTS_LOOK_US : 1);
        ear_open(&ears[i], "/events", "admin", acme, 1, NULL);
        snapshot[i] = top_run(); /* after `ready` */
        if (i % 3 == 0)
            look();
    }
    pthread_join(writer, NULL);
    look();
    last = runs_now();
    for (int i = 0; i < 8; i++) {
        char text[64];
        snprintf(text, sizeof(text), "\"run\":%lld,", (long long)last);
        hears(&ears[i], text);
        for (int64_t run = first + 1; run <= last; run++) {
            snprintf(text, sizeof(text), "\"run\":%lld,", (long long)run);
            int n = count(&ears[i], text);
            if (n > 1 || (n == 0 && run > snapshot[i]))
                fail_msg("run %lld was told %d times; %lld was read", (long long)run, n, (long long)snapshot[i]);
        }
        ear_close(&ears[i]);
    }
    close_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_listens_is_told_what_it_may_see_on_sqlite),
        cmocka_unit_test(who_listens_is_told_what_it_may_see_on_postgres),
        cmocka_unit_test(a_stream_goes_on_where_it_was_or_says_that_it_cannot),
        cmocka_unit_test(pushes_one_after_another_are_told_as_one),
        cmocka_unit_test(streams_are_limited_by_address_and_in_total),
        cmocka_unit_test(a_stream_beats_and_ends_with_its_token),
        cmocka_unit_test(a_stream_ends_when_its_credentials_are_revoked),
        cmocka_unit_test(between_what_is_read_and_what_is_told_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
