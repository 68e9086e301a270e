/* A page is what cutting the whole answer by hand gives, although only slices of days are read for it: random histories with holes, late values and
 * runs that are taken out, before and after days were thinned and dropped; random conditions, orders, offsets and moments; both engines. And it is of
 * one state of the store, whoever writes meanwhile. */
#include "query/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/filled.h"
#include "query/query_priv.h"
#include "support/pg.h"

static const struct nilo_scope everything = {.all = true, .role = NILO_ROLE_SERVICE};

/* ---- asking -------------------------------------------------------------------------------------------------------------------------------- */

static int to_buf(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)err;
    return nilo_buf_add(ctx, p, n);
}

struct told {
    struct nilo_sink to;
    int64_t page;
    void (*once)(void *ctx); /* with the first row */
    void *ctx;
};
static int keep_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    struct told *t = ctx;
    t->page = head->page;
    return t->to.head(t->to.ctx, head, err);
}
static int pass_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct told *t = ctx;
    if (t->once)
        t->once(t->ctx);
    t->once = NULL;
    return t->to.row(t->to.ctx, cells, err);
}

/* Lines of NDJSON; owner: caller, free(). ret_sliced: is it read in slices? */
static char *get(struct nilo_store *store, const char *text, enum nilo_count count, struct told *told, bool *ret_sliced)
{
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_query *q;
    struct nilo_writer *w;
    struct nilo_buf all;
    struct nilo_err err = {0};
    request.any_range = true;
    request.count = count;
    nilo_buf_init(&all, 16 << 20);
    if (nilo_query_parse(store, text, strlen(text), &request, &q, NULL, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    assert_int_equal(nilo_writer_new(NILO_FORMAT_NDJSON, false, to_buf, &all, &w, &err), 0);
    told->to = nilo_writer_sink(w);
    const struct nilo_sink sink = {keep_head, pass_row, told};
    *ret_sliced = nilo__sliced_by(q, store) != NULL;
    if (nilo_query_run(q, store, &everything, &sink, &err) != 0 || nilo_writer_end(w, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    nilo_writer_free(w);
    nilo_query_free(q);
    char *lines = strdup(nilo_buf_str(&all));
    nilo_buf_done(&all);
    return lines;
}

static struct nilo_store *reader(struct nilo_store *store)
{
    struct nilo_store *r;
    struct nilo_err err = {0};
    if (nilo_store_open(nilo_store_target(store), NILO_STORE_READ, nilo_store_env(store), &r, &err) != 0)
        fail_msg("%s", err.msg);
    return r;
}

/* ---- pages and the whole ------------------------------------------------------------------------------------------------------------------- */

struct kind {
    const char *relation, *columns, *day;
    bool as_of;
    const char *conditions[20], *orders[8]; /* NULL-terminated */
};
#define WHERE                                                                                                                     \
    "connection=eq.second", "platform=eq.tiktok", "owner=eq.ann", "owner=in.(ann,bob)", "external_id=like.*a", "external_id=in.(a,t)", \
        "external_id=eq.nobody", "window_days=eq.0", "window_days=eq.30"
static const struct kind kinds[] = {
    {"content_snapshots", "external_id,window_days,day,captured_at,views,likes,absence,owner", "day", true,
     {WHERE, "views=gte.50", "views=gt.1000", "absence->>views=eq.hidden", "or=(views.gt.90,likes.lt.10)", "day=gte.2025-01-09", "day=lte.2025-01-21",
      "day=eq.2025-01-17", "day=gt.2025-02-09"},
     {"day", "day.desc", "day.desc,views.desc.nullslast", "day,external_id.desc", "views,day"}},
    {"metric_values", "external_id,window_days,day,metric,value,absence,seq", "day", false,
     {WHERE, "metric=eq.views", "value=gte.50", "seq=gt.0", "day=gte.2025-01-09", "day=lt.2025-01-21"},
     {"day", "day.desc", "day.desc,value.desc.nullslast", "external_id,day"}},
};
static const struct kind of_app[] = {
    {"daily_metrics", "metric_date,metric_type,metric_category,value,metadata,workspace", "metric_date", true,
     {"workspace=eq.acme", "metric_category=eq.posts_total", "metadata->>sample_size=is.null", "metric_date=gte.2025-03-03", "value=gt.100",
      "id=neq.00000000-0000-0000-0000-000000000000"},
     {"metric_date", "metric_date.desc", "metric_date,value.desc", "metric_category"}},
    {"content_snapshots", "workspace,connection,external_id,window_days,day,views,title", "day", true,
     {"workspace=eq.acme", "owner=eq.maria", "views=gte.100", "window_days=eq.30"}, {"day", "day.desc", "day,views"}},
};

static size_t listed(const char *const *list, size_t most)
{
    size_t n = 0;
    while (n < most && list[n])
        n++;
    return n;
}

/* Where the line of that number begins. */
static const char *line(const char *text, int64_t n)
{
    for (; n > 0 && *text; n--)
        text = strchr(text, '\n') + 1;
    return text;
}

static int64_t lines(const char *text)
{
    int64_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static int64_t one_page(struct nilo_store *store, const struct nilo_random *r, const struct kind *k, const char *as_of)
{
    static const int64_t limits[] = {1, 1, 2, 5, 20, 1000};
    char whole[800], page[900];
    size_t conditions = listed(k->conditions, 20), orders = listed(k->orders, 8), o = (size_t)nilo_random_below(r, orders + 1);
    int n = snprintf(whole, sizeof whole, "%s?select=%s", k->relation, k->columns);
    for (uint64_t i = nilo_random_below(r, 3); i > 0; i--)
        n += snprintf(whole + n, sizeof whole - (size_t)n, "&%s", k->conditions[nilo_random_below(r, conditions)]);
    if (as_of && k->as_of)
        n += snprintf(whole + n, sizeof whole - (size_t)n, "&as_of=%s", as_of);
    snprintf(page, sizeof page, "%s%s%s", whole, o < orders ? "&order=" : "", o < orders ? k->orders[o] : "");
    snprintf(whole + n, sizeof whole - (size_t)n, "&order=%s", o < orders ? k->orders[o] : k->day); /* pages without an order have that of the key */

    bool sliced;
    struct told told = {0}, cut = {0};
    char *all = get(store, whole, NILO_COUNT_NONE, &told, &sliced);
    assert_false(sliced);
    int64_t rows = lines(all), limit = limits[nilo_random_below(r, 6)], offset = nilo_random_below(r, 3) ? 0 : (int64_t)nilo_random_below(r, (uint64_t)rows + 3);
    size_t end = strlen(page);
    snprintf(page + end, sizeof page - end, "&limit=%lld&offset=%lld", (long long)limit, (long long)offset);
    enum nilo_count count = nilo_random_below(r, 4) ? NILO_COUNT_NONE : NILO_COUNT_PAGE;
    char *got = get(store, page, count, &cut, &sliced);
    const char *first = line(all, offset), *last = line(first, limit);
    if (strlen(got) != (size_t)(last - first) || memcmp(got, first, (size_t)(last - first)) != 0)
        fail_msg("%s\n%s\nof the whole:\n%.*s", page, got, (int)(last - first), first);
    if (count == NILO_COUNT_PAGE && cut.page != lines(got))
        fail_msg("%s: said %lld rows, answered %lld", page, (long long)cut.page, (long long)lines(got));
    free(all);
    free(got);
    return sliced;
}

/* n pages; most of them are read in slices, else nothing was tested. */
static void pages(struct nilo_store *store, const struct nilo_random *r, const struct kind *k, size_t n_kinds, int n)
{
    int64_t sliced = 0;
    for (int i = 0; i < n; i++) {
        char as_of[NILO_US_TEXT];
        history_moment((JAN + 1) * NILO_US_DAY + (nilo_us)nilo_random_below(r, 2 * DAYS * 24) * NILO_US_HOUR, as_of);
        sliced += one_page(store, r, &k[nilo_random_below(r, n_kinds)], nilo_random_below(r, 4) ? NULL : as_of);
    }
    assert_true(sliced > n / 3);
}

static void drop(struct stores *s, int32_t until)
{
    for (int i = 0; i < 2; i++) {
        struct nilo_connection c = history_channel(s, i);
        struct nilo_dropped went;
        const struct nilo_drop how = {.connection = c.id, .until = NILO_DAY(until), .author = "ann"};
        ok(s, nilo_store_drop(s->store, &how, &went, &s->err));
    }
}

static void thin(struct stores *s, int32_t until)
{
    for (int i = 0; i < 2; i++) {
        struct nilo_connection c = history_channel(s, i);
        const struct nilo_thin how = {.connection = c.id, .until = NILO_DAY(until)};
        int64_t removed;
        ok(s, nilo_store_thin(s->store, &how, &removed, &s->err));
    }
}

/* A few days long before and long after, so that there are holes to cross. */
static void far_away(struct stores *s)
{
    struct nilo_connection c = history_channel(s, 0);
    const int32_t days[] = {JAN - 700, JAN - 90, JAN - 89, JAN - 31};
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
        put(s, &c, "z", days[i], 1, 40 + (int64_t)i);
}

static void a_page_is_cut_out_of_the_whole(struct stores *s)
{
    bool lite = s->engine == NILO_DB_SQLITE; /* a server takes its time for each run of a history */
    for (uint64_t seed = lite ? 1 : 5; seed <= 5; seed++) {
        struct nilo_seeded_random seeded;
        struct nilo_random r = nilo_seeded_random(&seeded);
        nilo_seeded_random_init(&seeded, seed);
        assert_int_equal(stores_fresh(s), 0);
        history(s, seed, &(struct history){0});
        if (seed % 2)
            far_away(s);
        struct nilo_store *store = reader(s->store);
        pages(store, &r, kinds, sizeof kinds / sizeof kinds[0], 60);
        thin(s, JAN + 20);
        pages(store, &r, kinds, sizeof kinds / sizeof kinds[0], 30);
        drop(s, JAN + 8);
        pages(store, &r, kinds, sizeof kinds / sizeof kinds[0], 60);
        nilo_store_close(store);
    }
}

static void a_page_of_a_store_with_everything_too(struct stores *s)
{
    struct filled f;
    struct nilo_seeded_random seeded;
    struct nilo_random r = nilo_seeded_random(&seeded);
    nilo_seeded_random_init(&seeded, 3);
    assert_int_equal(filled_open(&f, s->engine), 0);
    struct nilo_store *store = reader(f.store);
    pages(store, &r, of_app, sizeof of_app / sizeof of_app[0], 120);
    nilo_store_close(store);
    filled_close(&f);
}

/* ---- one state ----------------------------------------------------------------------------------------------------------------------------- */

static void record_more(void *ctx)
{
    struct stores *s = ctx;
    struct nilo_connection c = history_channel(s, 0);
    for (int32_t day = JAN; day < JAN + 20; day++)
        put(s, &c, "new", day, 1, 5);
}

static void what_is_recorded_while_a_page_is_read_is_not_in_it(struct stores *s)
{
    struct nilo_connection c = history_channel(s, 0);
    bool sliced;
    for (int32_t day = JAN; day < JAN + 20; day++)
        put(s, &c, "a", day, 1, day - JAN);
    struct nilo_store *store = reader(s->store);
    struct told before = {0}, meanwhile = {.once = record_more, .ctx = s}, after = {0};
    const char *page = "content_snapshots?select=external_id,day,views&limit=15";
    char *was = get(store, page, NILO_COUNT_NONE, &before, &sliced);
    assert_true(sliced);
    char *got = get(store, page, NILO_COUNT_NONE, &meanwhile, &sliced), *is = get(store, page, NILO_COUNT_NONE, &after, &sliced);
    assert_string_equal(got, was);
    assert_string_not_equal(is, was);
    free(was);
    free(got);
    free(is);
    nilo_store_close(store);
}

/* ---- the slices ------------------------------------------------------------------------------------------------------------------------------ */

/* Whatever is found in them: side by side in the direction of the order, all days together, and few. */
static void slices_lie_side_by_side_and_are_all_days(struct stores *s)
{
    struct nilo_random r = s->env.random;
    for (int i = 0; i < 2000; i++) {
        int64_t first = JAN - (int64_t)nilo_random_below(&r, 4000), last = first + (int64_t)nilo_random_below(&r, 4000), found = 0, at = 0;
        struct nilo__slices slices = {.down = i % 2};
        struct nilo__days days;
        slices.first = slices.at = slices.down ? -last : first;
        slices.end = slices.down ? -first : last;
        int n = 0;
        for (; nilo__slices_next(&slices, found, 1 + (int64_t)nilo_random_below(&r, 1 << 20), &days); n++) {
            assert_true(days.first <= days.last);
            if (n == 0)
                assert_true(slices.down ? days.last == INT32_MAX : days.first == -(int64_t)INT32_MAX);
            else
                assert_int_equal(slices.down ? days.last + 1 : days.first, at);
            at = slices.down ? days.first : days.last + 1;
            found += nilo_random_below(&r, 2) ? (int64_t)nilo_random_below(&r, 100) : 0;
        }
        assert_int_equal(at, slices.down ? -(int64_t)INT32_MAX : (int64_t)INT32_MAX + 1);
        assert_true(n <= 7); /* 4^7 days */
    }
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(slices_lie_side_by_side_and_are_all_days), STORES_TEST(a_page_is_cut_out_of_the_whole),
        STORES_TEST(a_page_of_a_store_with_everything_too), STORES_TEST(what_is_recorded_while_a_page_is_read_is_not_in_it)};
    return stores_run("pages", tests, sizeof tests / sizeof tests[0]);
}
