/* Whole exports: a random history out of a store and into another one, of the same engine or the other, and everything is as it was. What was
 * cut, damaged, made up or does not fit is refused and leaves no trace. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/whole.h"
#include "record/record.h"
#include "store/put.h"
#include "store/walk_priv.h"

static void a_restored_store_gives_the_same_answers_on_either_engine(struct stores *s)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct walk *w = whole_history(s, seed, 150);
        struct stores same, other;
        struct nilo_loaded loaded;
        size_t len;
        char *text = whole_all(s, &len);
        assert_true(whole_another(&same, s, s->engine));
        ok(&same, whole_take(&same, text, len, &loaded));
        assert_false(loaded.unchanged);
        assert_true(loaded.adopted);
        whole_same_store(s, &same);
        if (whole_another(&other, s, whole_other_engine(s))) {
            ok(&other, whole_take(&other, text, len, &loaded));
            whole_same_store(s, &other);
            nilo_store_close(other.store);
        }
        nilo_store_close(same.store);
        free(text);
        walk_free(w);
    }
}

static void dropped_days_are_dropped_in_the_restored_store_too(struct stores *s)
{
    int64_t values = 0;
    for (uint64_t seed = 21; seed <= 22; seed++) {
        struct walk *w = whole_history(s, seed, 200);
        struct stores to;
        struct nilo_loaded loaded;
        size_t len;
        char before[65], after[65];
        ok(s, nilo_store_digest(s->store, before, &s->err));
        values += whole_drop_old_days(s);
        ok(s, nilo_store_digest(s->store, after, &s->err));
        assert_string_equal(before, after);
        if (!walk_rebuild(w))
            fail_msg("%s", w->difference);
        char *text = whole_all(s, &len);
        for (int i = 0; i < 2; i++) {
            if (!whole_another(&to, s, i ? whole_other_engine(s) : s->engine))
                continue;
            ok(&to, whole_take(&to, text, len, &loaded));
            whole_same_store(s, &to);
            ok(&to, whole_take(&to, text, len, &loaded));
            assert_true(loaded.unchanged);
            nilo_store_close(to.store);
        }
        free(text);
        walk_free(w);
    }
    assert_true(values > 100);
}

/* The naive model, which knows nothing of exports, finds no difference in the restored store: neither at once nor later. */
static void a_history_goes_on_in_the_restored_store(struct stores *s)
{
    struct walk *w = whole_history(s, 11, 120);
    struct stores to;
    struct nilo_loaded loaded;
    size_t len;
    char *text = whole_all(s, &len);
    if (!whole_another(&to, s, whole_other_engine(s)) && !whole_another(&to, s, s->engine))
        fail_msg("no engine at all");
    ok(&to, whole_take(&to, text, len, &loaded));
    nilo_store_close(to.store);
    s->engine = to.engine;
    s->target = to.target;
    stores_reopen(s, NILO_STORE_WRITE);
    for (int i = 0; i < 100; i++)
        if (!walk_step(w) || (i % 20 == 0 && !walk_compare(w)))
            fail_msg("%s: %s", w->what, w->difference);
    if (!walk_compare(w) || !walk_compare_as_of(w) || !walk_rebuild(w))
        fail_msg("%s", w->difference);
    walk_free(w);
    free(text);
}

static void taking_it_in_again_changes_nothing(struct stores *s)
{
    struct walk *w = whole_history(s, 5, 100);
    struct stores to;
    struct nilo_loaded loaded;
    size_t len, again;
    char *text = whole_all(s, &len), *before;
    assert_true(whole_another(&to, s, s->engine));
    ok(&to, whole_take(&to, text, len, &loaded));
    before = whole_all(&to, &again);
    for (int i = 0; i < 2; i++) { /* also where it came from */
        struct stores *store = i ? s : &to;
        ok(store, whole_take(store, text, len, &loaded));
        assert_true(loaded.unchanged);
    }
    char *after = whole_all(&to, &again);
    whole_same(before, after, "exports");
    nilo_store_close(to.store);
    free(before);
    free(after);
    free(text);
    walk_free(w);
}

/* What went on since is no contradiction as long as nothing of the file was changed by it. */
static void an_older_export_is_still_in_the_store_that_went_on(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "push", "push", "db");
    struct nilo_loaded loaded;
    size_t len;
    put(s, &c, "a", 20160, 1, 5);
    put_close(s, &c, 20160);
    char *text = whole_all(s, &len);
    put(s, &c, "a", 20161, 1, 6);
    put_close(s, &c, 20161);
    ok(s, whole_take(s, text, len, &loaded));
    assert_true(loaded.unchanged);
    free(text);
}

static void workspace_of(struct stores *s, const char *name, struct nilo_whole_want *want)
{
    struct nilo_workspace w;
    ok(s, nilo_store_workspace(s->store, name, false, NULL, &w, &s->err));
    *want = (struct nilo_whole_want){.workspace = w.id, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE};
}

static char *answers_of(struct stores *s, const char *workspace)
{
    struct nilo_workspace w;
    ok(s, nilo_store_workspace(s->store, workspace, false, NULL, &w, &s->err));
    return whole_answers(s, &(struct nilo_scope){.role = NILO_ROLE_SERVICE, .workspaces = &w.id, .n = 1});
}

/* Numbers of runs, and row ids made from the store's own id, are others there; all else is not. */
static void without_numbers(char *text)
{
    static const char *const keys[] = {"\"id\":", "\"run\":", "\"credit\":"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        for (char *p = text; (p = strstr(p, keys[i])) != NULL;) {
            p += strlen(keys[i]);
            while (*p != ',' && *p != '}')
                *p++ = '#';
        }
    }
    /* ids are as long as they are */
    char *to = text;
    for (char *p = text; *p; p++)
        if (*p != '#')
            *to++ = *p;
    *to = '\0';
}

static void a_workspace_is_restored_beside_others(struct stores *s)
{
    struct walk *w = whole_history(s, 21, 120);
    struct stores to;
    struct nilo_whole_want want;
    struct nilo_loaded loaded;
    size_t len;
    char before[65], after[65];
    workspace_of(s, "south", &want);
    char *text = whole_text(s, &want, "south", &len), *there = answers_of(s, "south");
    assert_true(whole_another(&to, s, s->engine));
    struct walk *v = whole_history(&to, 22, 60);
    walk_free(v);
    to.clock = s->clock;
    stores_exec(&to, "UPDATE workspace SET name = 'east' WHERE name = 'south'");
    char *east = answers_of(&to, "east"), *north = answers_of(&to, "north");
    ok(&to, whole_take(&to, text, len, &loaded));
    assert_false(loaded.unchanged);
    assert_false(loaded.adopted);
    char *here = answers_of(&to, "south"), *east_now = answers_of(&to, "east"), *north_now = answers_of(&to, "north");
    without_numbers(there);
    without_numbers(here);
    whole_same(there, here, "the workspace restored");
    whole_same(east, east_now, "another workspace");
    whole_same(north, north_now, "another workspace");
    ok(&to, nilo_store_digest(to.store, before, &to.err));
    ok(&to, nilo_store_rebuild(to.store, NULL, NULL, &to.err));
    ok(&to, nilo_store_digest(to.store, after, &to.err));
    assert_string_equal(before, after);
    ok(&to, whole_take(&to, text, len, &loaded));
    assert_true(loaded.unchanged);
    /* and it goes on: new numbers are free */
    struct nilo_connection c = stores_connection(&to, "south", NULL, "new", "push", "db");
    put(&to, &c, "fresh", 20200, 1, 1);
    nilo_store_close(to.store);
    free(text);
    free(there);
    free(here);
    free(east);
    free(east_now);
    free(north);
    free(north_now);
    walk_free(w);
}

static void a_workspace_that_holds_other_data_is_left_alone(struct stores *s)
{
    static const struct {
        const char *sql, *says;
    } changes[] = {
        {"UPDATE content SET title = 'other' WHERE entity_id = (SELECT min(entity_id) FROM content)", "title is \"other\" here and"},
        {"UPDATE run SET items = items + 1 WHERE id = 1", "run, id 1: items is"},
        {"UPDATE connection SET status = 'disabled' WHERE name = 'push'", "status is \"disabled\" here and \"connected\" in the file"},
        {"UPDATE day_value SET value = 99 WHERE seq = 0 AND day = 20170", "item \"b\""},
        {"UPDATE credit SET ended_at = 5", "ended_at is"},
        {"DELETE FROM run_failure", "in the file and not here"},
    };
    struct nilo_connection c = stores_connection(s, "w", "UTC", "push", "push", "db");
    struct nilo_loaded loaded;
    size_t len, n;
    int64_t owner;
    put(s, &c, "a", 20160, 1, 5);
    put_close(s, &c, 20165);
    put(s, &c, "b", 20170, 1, 7);
    stores_exec(s, "INSERT INTO content (bucket, entity_id, title, attrs_at) SELECT bucket, id, 'a title', 5 FROM entity WHERE external_id = 'a' "
                   "ON CONFLICT (bucket, entity_id) DO UPDATE SET title = 'a title'");
    ok(s, nilo_store_run_fail(s->store, 1, 1, "x", "gone", "it is gone", &s->err));
    ok(s, nilo_store_owner(s->store, c.workspace, "kim", true, &owner, &s->err));
    struct nilo_credit_in credit = {.entity = put_entity(s, &c, "a"), .workspace = c.workspace, .owner = owner, .from_day = NILO_DAY_NONE,
                                    .to_day = NILO_DAY_NONE};
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_credit_add(s->store, &credit, 1, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    char *text = whole_all(s, &len);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct stores to;
        assert_true(whole_another(&to, s, s->engine));
        ok(&to, whole_take(&to, text, len, &loaded));
        stores_exec(&to, changes[i].sql);
        char *before = whole_all(&to, &n);
        fails(&to, NILO_EEXIST, whole_take(&to, text, len, &loaded));
        if (strstr(to.err.msg, changes[i].says) == NULL || strstr(to.err.msg, "workspace \"w\" is in this store already") == NULL)
            fail_msg("after %s: %s", changes[i].sql, to.err.msg);
        char *after = whole_all(&to, &n);
        whole_same(before, after, changes[i].sql);
        free(before);
        free(after);
        nilo_store_close(to.store);
    }
    free(text);
}

static void a_workspace_of_the_same_name_from_elsewhere_is_left_alone(struct stores *s)
{
    struct stores to;
    struct nilo_loaded loaded;
    size_t len;
    struct nilo_connection c = stores_connection(s, "w", "UTC", "push", "push", "db");
    put(s, &c, "a", 20160, 1, 5);
    char *text = whole_all(s, &len);
    assert_true(whole_another(&to, s, s->engine));
    nilo_seeded_random_init(&to.random, 99);
    ok(&to, nilo_store_meta_set(to.store, "uuid", "00112233445566778899aabbccddeeff", &to.err));
    stores_reopen(&to, NILO_STORE_WRITE);
    c = stores_connection(&to, "w", "UTC", "push", "push", "db");
    put(&to, &c, "a", 20160, 1, 5);
    fails(&to, NILO_EEXIST, whole_take(&to, text, len, &loaded));
    assert_non_null(strstr(to.err.msg, "was not restored from the store that the file is from"));
    nilo_store_close(to.store);
    free(text);
}

/* What `init` made of a configuration file is no history. */
static void a_workspace_in_which_nothing_was_recorded_is_replaced(struct stores *s)
{
    struct stores to;
    struct nilo_loaded loaded;
    size_t len;
    struct nilo_connection c = stores_connection(s, "w", "Asia/Tokyo", "push", "push", "db");
    put(s, &c, "a", 20160, 1, 5);
    char *text = whole_all(s, &len);
    assert_true(whole_another(&to, s, s->engine));
    stores_connection(&to, "w", "UTC", "push", "push", "file");
    ok(&to, whole_take(&to, text, len, &loaded));
    assert_true(loaded.adopted);
    whole_same_store(s, &to);
    nilo_store_close(to.store);
    free(text);
}

/* They are hashed under keys that go by the store's name, which it would lose. Revoked ones are nobody's loss. */
static void an_empty_store_with_api_keys_does_not_become_another(struct stores *s)
{
    struct stores to;
    struct nilo_loaded loaded;
    size_t len;
    bool new;
    struct nilo_connection c = stores_connection(s, "w", "UTC", "push", "push", "db");
    const struct nilo_access_key key = {.id = "k1", .role = NILO_ROLE_SERVICE, .hashed_by = "t1", .hash = {1}};
    put(s, &c, "a", 20160, 1, 5);
    char *text = whole_all(s, &len);
    assert_true(whole_another(&to, s, s->engine));
    stores_exec(&to, "UPDATE meta SET value = '00112233445566778899aabbccddeeff' WHERE key = 'uuid'"); /* stores of tests are all made with the same one */
    stores_reopen(&to, NILO_STORE_WRITE);
    ok(&to, nilo_store_key_add(to.store, &key, &to.err));
    assert_int_equal(whole_take(&to, text, len, &loaded), -1);
    assert_int_equal(to.err.code, NILO_EEXIST);
    assert_non_null(strstr(to.err.msg, "is empty but has API keys (1), which would open nothing any more"));
    assert_non_null(strstr(to.err.msg, "nilometer key revoke ID"));
    ok(&to, nilo_store_key_revoke(to.store, "k1", &new, &to.err));
    ok(&to, whole_take(&to, text, len, &loaded));
    assert_true(loaded.adopted);
    whole_same_store(s, &to);
    nilo_store_close(to.store);
    free(text);
}

static void a_range_of_days_is_what_it_says(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "push", "push", "db");
    struct nilo_whole_want want = {.from = NILO_DAY(20162), .to = NILO_DAY(20164)};
    struct stores to;
    struct nilo_loaded loaded;
    size_t len;
    for (int day = 20160; day < 20170; day++)
        put(s, &c, "a", day, 1, 100 + day);
    put_close(s, &c, 20167);
    put_all(s, &c, (struct nilo_policy){.kind = NILO_RUN_REVISE, .revise = true}, &(struct put){.external_id = "a", .day = 20163, .metric = 1, .value = 7}, 1);
    char *text = whole_text(s, &want, NULL, &len);
    assert_non_null(strstr(text, "\"from\":\"2025-03-15\",\"to\":\"2025-03-17\""));
    assert_true(whole_another(&to, s, s->engine));
    ok(&to, whole_take(&to, text, len, &loaded));
    assert_rows(&to, "SELECT day, seq, value FROM day_value ORDER BY day, seq", "20162 0 20262|20163 0 20263|20163 1 7|20164 0 20264");
    assert_int_equal(stores_int(&to, "SELECT count(*) FROM observation"), 4);
    assert_rows(&to, "SELECT day FROM day_close ORDER BY day", "20162|20163|20164");
    assert_int_equal(stores_int(&to, "SELECT closed_until FROM connection"), 20164);
    ok(&to, whole_take(&to, text, len, &loaded));
    assert_true(loaded.unchanged);
    /* days behind the range are open in the copy and go on */
    c = stores_connection(&to, "w", "UTC", "push", "push", "db");
    assert_int_equal(put(&to, &c, "a", 20165, 1, 5), NILO_RECORDED);
    nilo_store_close(to.store);
    free(text);
}

/* ---- what must not get in ------------------------------------------------------------------------------------------------------ */

static void a_file_cut_anywhere_is_refused(struct stores *s)
{
    struct stores to;
    struct nilo_loaded loaded;
    size_t len, n;
    char *text = whole_small(s, &len);
    assert_true(whole_another(&to, s, s->engine));
    char *empty = whole_all(&to, &n);
    for (size_t cut = 0; cut < len; cut += cut < 40 || cut > len - 120 ? 1 + cut % 3 : 211) {
        fails(&to, cut == 0 ? NILO_ENOENT : NILO_ECORRUPT, whole_take(&to, text, cut, &loaded));
        assert_null(strchr(to.err.msg, '\n'));
    }
    whole_untouched(&to, empty, "cut");
    nilo_store_close(to.store);
    free(empty);
    free(text);
}

static void a_file_with_a_changed_byte_is_refused(struct stores *s)
{
    struct stores to;
    struct nilo_loaded loaded;
    size_t len, n;
    char *text = whole_small(s, &len);
    assert_true(whole_another(&to, s, s->engine));
    char *empty = whole_all(&to, &n);
    for (size_t at = 0; at < len; at += 61) {
        char was = text[at];
        text[at] ^= 1;
        assert_int_equal(whole_take(&to, text, len, &loaded), -1);
        assert_true(to.err.code != NILO_OK && to.err.msg[0] != '\0');
        text[at] = was;
    }
    whole_untouched(&to, empty, "changed");
    ok(&to, whole_take(&to, text, len, &loaded)); /* and whole it is taken */
    nilo_store_close(to.store);
    free(empty);
    free(text);
}

static void other_files_are_refused(struct stores *s)
{
    static const struct {
        const char *text;
        enum nilo_code code;
        const char *says;
    } files[] = {
        {"external_id,day,views\na,2026-01-01,1\n", NILO_ECORRUPT, "is no export of nilometer"},
        {"{\"a\":1}\n", NILO_ECORRUPT, "is no export of nilometer"},
        {"{\"format\":\"nilometer-export\",\"version\":2,\"program\":\"9\"}\n", NILO_ENEWER, "version 2 of the format"},
        {"{\"format\":\"nilometer-export\",\"version\":1}\n", NILO_ECORRUPT, "line 1 (the header)"},
        {"{\"format\":\"nilometer-export\",\"version\":1,\"program\":\"9\",\"rows\":{}}\n{\"table\":\"spaceships\",\"columns\":[]}\n", NILO_ENEWER, "spaceships"},
        {"{\"format\":\"nilometer-export\",\"version\":1,\"program\":\"9\",\"rows\":{}}\n{\"table\":\"run\",\"columns\":[\"warp\"]}\n", NILO_ENEWER, "warp"},
        {"{\"format\":\"nilometer-export\",\"version\":1,\"program\":\"9\",\"rows\":{}}\n[1]\n", NILO_ECORRUPT, "a row of no table"},
        {"{\"format\":\"nilometer-export\",\"version\":1,\"program\":\"9\",\"rows\":{}}\n{\"end\":\"nilometer-export\"}\n", NILO_ECORRUPT, "the trailer"},
        {"", NILO_ENOENT, "empty"},
    };
    struct nilo_loaded loaded;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        fails(s, files[i].code, whole_take(s, files[i].text, strlen(files[i].text), &loaded));
        if (strstr(s->err.msg, files[i].says) == NULL)
            fail_msg("%s: %s", files[i].text, s->err.msg);
    }
    assert_int_equal(stores_int(s, "SELECT count(*) FROM workspace"), 0);
}

/* The right sum, but rows that no record could hold: by hand, or by someone who means harm. */
static void rows_that_contradict_each_other_are_refused(struct stores *s)
{
    static const struct {
        const char *what, *from, *to;
    } edits[] = {
        {"an observation of no item", "{\"table\":\"entity\"", NULL},
        {"a value and an absence", ",20160,5,0,6,0,3,", ",20160,5,0,6,4,3,"},
        {"an unknown absence", ",20160,5,0,6,0,3,", ",20160,5,0,null,77,3,"},
        {"an amendment without its number", ",20160,1,1,7,0,", ",20160,1,0,7,0,"},
        {"an amendment on an open day", "\"own\",\"connected\",\"db\",20161,", "\"own\",\"connected\",\"db\",20159,"},
        {"a negative bucket", "{\"table\":\"entity\",\"columns\":[\"bucket\",", "{\"table\":\"entity\",\"columns\":[\"id\","},
        {"a zone that there is not", "Europe/Berlin", "Europe/Atlantis"},
        {"a zone outside of the folder", "Europe/Berlin", "../../etc/passwd"},
        {"a run of no connection", "{\"table\":\"connection\"", NULL},
        {"another workspace's connection", "[1,1,\"push\"", "[1,2,\"push\""},
        {"a metric defined otherwise", "[5,\"likes\",0,0,0,", "[5,\"likes\",0,0,1,"},
        {"a run that is running", "[1,1,1,2,1,3,", "[1,1,1,2,0,3,"},
    };
    size_t len, n;
    char *text = whole_small(s, &len);
    struct stores to;
    struct nilo_loaded loaded;
    assert_true(whole_another(&to, s, s->engine));
    char *empty = whole_all(&to, &n);
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        struct nilo_buf b;
        char *at = strstr(text, edits[i].from);
        if (at == NULL)
            fail_msg("%s: \"%s\" is not in the file", edits[i].what, edits[i].from);
        nilo_buf_init(&b, SIZE_MAX);
        nilo_buf_add(&b, text, (size_t)(at - text));
        if (edits[i].to != NULL) {
            nilo_buf_adds(&b, edits[i].to);
            at += strlen(edits[i].from);
        } else { /* the table goes, rows and all */
            at = strstr(at + 1, "{\"table\"");
        }
        nilo_buf_adds(&b, at);
        char *edited = whole_resum(nilo_buf_str(&b), &n);
        if (whole_take(&to, edited, n, &loaded) == 0)
            fail_msg("%s was taken", edits[i].what);
        if (to.err.msg[0] == '\0' || strchr(to.err.msg, '\n') != NULL)
            fail_msg("%s: said %s", edits[i].what, to.err.msg);
        whole_untouched(&to, empty, edits[i].what);
        free(edited);
        nilo_buf_done(&b);
    }
    char *again = whole_resum(text, &n); /* the tool itself does no harm */
    ok(&to, whole_take(&to, again, n, &loaded));
    free(again);
    free(empty);
    free(text);
    nilo_store_close(to.store);
}

static void closed_days_stay_closed_behind_a_restore(struct stores *s)
{
    static const char *const tries[] = {
        "UPDATE day_value SET value = 1 WHERE seq = 0 AND day = 20160", "DELETE FROM day_value WHERE day = 20160",
        "UPDATE day_value SET value = 1 WHERE seq = 1", "DELETE FROM observation", "DELETE FROM day_close",
        "UPDATE connection SET closed_until = 20159", "DELETE FROM run",
    };
    struct stores to;
    struct nilo_loaded loaded;
    size_t len;
    char *text = whole_small(s, &len);
    assert_true(whole_another(&to, s, s->engine));
    ok(&to, whole_take(&to, text, len, &loaded));
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
        if (nilo_db_exec(nilo_store_db(to.store), tries[i], &to.err) == 0)
            fail_msg("taken: %s", tries[i]);
    whole_same_store(s, &to);
    nilo_store_close(to.store);
    free(text);
}

/* A table or column that a migration adds must be exported, be derived or be a secret. */
static void every_table_and_column_is_exported(struct stores *s)
{
    static const char derived[] = " known latest best total app_days metric_used nilo_migration connection_secret connection_key connection_login "          /* the last one never leaves ... */
                                  "api_key api_key_workspace api_revoked api_closed api_access " /* ... and who is let in is each store's own business */
                                  "schedule_lease schedule_slot api_budget api_host collect_item collect_state collect_report collect_settle collect_variant connection_tap raw_answer hook_seen "; /* ... and so is what collecting has to do next */
    char *columns = stores_text(
        s, s->engine == NILO_DB_SQLITE
               ? "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
               : "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) "
                 "WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'");
    int n = 0;
    for (char *save, *row = strtok_r(columns, "|", &save); row != NULL; row = strtok_r(NULL, "|", &save)) {
        char table[80], column[80], padded[84];
        assert_int_equal(sscanf(row, "%79s %79s", table, column), 2);
        snprintf(padded, sizeof padded, " %s ", table);
        if (strstr(derived, padded) != NULL)
            continue;
        int at = nilo_whole_table(strcmp(table, "day_value") == 0       ? "base"
                                : strcmp(table, "carried_total") == 0 ? "carried_workspace" /* by whose totals they are */
                                                                      : table);
        if (at < 0 || nilo_whole_column((size_t)at, column) < 0)
            fail_msg("%s.%s is in no export: add it to src/store/rows/export.c and docs/export-format.md", table, column);
        n++;
    }
    assert_true(n > 100);
    free(columns);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(dropped_days_are_dropped_in_the_restored_store_too),
        STORES_TEST(a_restored_store_gives_the_same_answers_on_either_engine),
        STORES_TEST(a_history_goes_on_in_the_restored_store),
        STORES_TEST(taking_it_in_again_changes_nothing),
        STORES_TEST(an_older_export_is_still_in_the_store_that_went_on),
        STORES_TEST(a_workspace_is_restored_beside_others),
        STORES_TEST(a_workspace_that_holds_other_data_is_left_alone),
        STORES_TEST(a_workspace_of_the_same_name_from_elsewhere_is_left_alone),
        STORES_TEST(a_workspace_in_which_nothing_was_recorded_is_replaced),
        STORES_TEST(an_empty_store_with_api_keys_does_not_become_another),
        STORES_TEST(a_range_of_days_is_what_it_says),
        STORES_TEST(a_file_cut_anywhere_is_refused),
        STORES_TEST(a_file_with_a_changed_byte_is_refused),
        STORES_TEST(other_files_are_refused),
        STORES_TEST(rows_that_contradict_each_other_are_refused),
        STORES_TEST(closed_days_stay_closed_behind_a_restore),
        STORES_TEST(every_table_and_column_is_exported),
    };
    return stores_run("import/whole", tests, sizeof tests / sizeof tests[0]);
}
