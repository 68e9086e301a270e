/* The JSON writer: commas, quotes and escapes, and that whatever it writes the parser reads back the same. */
#include "support/nilo_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/env.h"
#include "base/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void commas_and_colons_come_by_themselves(void **state)
{
    (void)state;
    struct nilo_buf b;
    struct nilo_json_out o;
    nilo_buf_init(&b, 1000);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "a");
    nilo_json_int(&o, -1);
    nilo_json_key(&o, "b");
    nilo_json_array_begin(&o);
    nilo_json_array_begin(&o);
    nilo_json_array_end(&o);
    nilo_json_object_begin(&o);
    nilo_json_object_end(&o);
    nilo_json_bool(&o, true);
    nilo_json_bool(&o, false);
    nilo_json_null(&o);
    nilo_json_str(&o, NULL);
    nilo_json_str(&o, "x\"y");
    nilo_json_strn(&o, "abc", 2);
    nilo_json_strn(&o, NULL, 0);
    nilo_json_text(&o, "1.50e3", 6);
    nilo_json_array_end(&o);
    nilo_json_key(&o, "c\n");
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "d");
    nilo_json_null(&o);
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
    assert_string_equal(nilo_buf_str(&b), "{\"a\":-1,\"b\":[[],{},true,false,null,null,\"x\\\"y\",\"ab\",null,1.50e3],"
                                          "\"c\\n\":{\"d\":null}}");
    nilo_buf_done(&b);
}

static void documents_may_follow_each_other(void **state)
{
    (void)state;
    struct nilo_buf b;
    struct nilo_json_out o;
    nilo_buf_init(&b, 1000);
    nilo_json_out_init(&o, &b);
    for (int i = 0; i < 3; i++) {
        nilo_json_array_begin(&o);
        nilo_json_int(&o, i);
        nilo_json_array_end(&o);
        nilo_buf_addc(&b, '\n');
    }
    assert_string_equal(nilo_buf_str(&b), "[0]\n[1]\n[2]\n");
    nilo_buf_done(&b);
}

static void strings_are_escaped_only_where_they_must_be(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *wanted;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain /text'", 12, "\"plain /text'\""},
        {"\"\\", 2, "\"\\\"\\\\\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\v", 3, "\"\\u0001\\u001f\\u000b\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"\x7f", 1, "\"\x7f\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"a\xff"
         "b",
         3,
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xe2\x82", 2, "\"\xef\xbf\xbd\""}, /* one for a character cut short */
        {"\xe2\x82(", 3, "\"\xef\xbf\xbd(\""},
        {"\xff\xfe", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""}, /* one for each byte that begins nothing */
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xc3\"", 2, "\"\xef\xbf\xbd\\\"\""}, /* the quote is not swallowed */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct nilo_buf b;
        struct nilo_json_out o;
        char *text = malloc(cases[i].len + 1);
        memcpy(text, cases[i].text, cases[i].len);
        nilo_buf_init(&b, 1000);
        nilo_json_out_init(&o, &b);
        nilo_json_strn(&o, text, cases[i].len);
        assert_string_equal(nilo_buf_str(&b), cases[i].wanted);
        nilo_buf_done(&b);
        free(text);
    }
}

static void any_bytes_become_a_valid_string(void **state)
{
    (void)state;
    struct nilo_seeded_random r;
    nilo_seeded_random_init(&r, 8);
    struct nilo_random random = nilo_seeded_random(&r);
    for (int round = 0; round < 5000; round++) {
        char bytes[40];
        struct nilo_buf b;
        struct nilo_json_out o;
        size_t n = (size_t)nilo_random_below(&random, sizeof(bytes) + 1);
        random.fill(random.ctx, bytes, n);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(bytes[i] == 0 ? 1 : bytes[i]); /* the check below refuses \u0000 */
        nilo_buf_init(&b, 1000);
        nilo_json_out_init(&o, &b);
        nilo_json_strn(&o, bytes, n);
        assert_int_equal(nilo_json_check(b.data, b.len, NULL), 0);
        nilo_buf_done(&b);
    }
}

static void nesting_is_right_to_the_last_level_and_fails_beyond(void **state)
{
    (void)state;
    for (int depth = 61; depth <= 66; depth++) {
        struct nilo_buf b;
        struct nilo_json_out o;
        struct nilo_json *j;
        enum nilo_json_event e = NILO_JSON_NULL;
        nilo_buf_init(&b, 10000);
        nilo_json_out_init(&o, &b);
        for (int i = 0; i < depth; i++) {
            nilo_json_array_begin(&o);
            nilo_json_int(&o, i);
        }
        for (int i = 0; i < depth; i++) {
            nilo_json_int(&o, i);
            nilo_json_array_end(&o);
        }
        assert_int_equal(b.failed, depth > 63);
        assert_int_equal(nilo_json_new(nilo_buf_str(&b), b.len, (struct nilo_json_limits){.depth = 99}, &j, NULL), 0);
        while (!b.failed && e != NILO_JSON_END)
            assert_int_equal(nilo_json_next(j, &e, NULL, NULL, NULL), 0);
        nilo_json_free(j);
        nilo_buf_done(&b);
    }
}

static void a_full_buffer_is_told_at_the_end(void **state)
{
    (void)state;
    for (size_t max = 0; max <= 20; max++) {
        struct nilo_buf b;
        struct nilo_json_out o;
        nilo_buf_init(&b, max);
        nilo_json_out_init(&o, &b);
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "abc");
        nilo_json_str(&o, "\x01");
        nilo_json_object_end(&o);
        assert_int_equal(b.failed, max < strlen("{\"abc\":\"\\u0001\"}"));
        nilo_buf_done(&b);
    }
}

/* ---- round trips over random documents ------------------------------------------------------------------------------- */

struct event {
    enum nilo_json_event e;
    const char *text;
    size_t len;
};

struct made {
    struct nilo_random random;
    bool nul; /* strings may hold it */
    struct nilo_arena arena;
    struct event events[4000];
    size_t n;
    struct nilo_buf bytes;
    struct nilo_json_out out;
};

static uint64_t below(struct made *m, uint64_t n)
{
    return nilo_random_below(&m->random, n);
}

static void note(struct made *m, enum nilo_json_event e, const char *text, size_t len)
{
    assert_true(m->n < COUNT(m->events));
    m->events[m->n++] = (struct event){e, text, len};
}

static size_t put_character(struct made *m, char *out, bool nul)
{
    static const char special[] = "\"\\/\b\f\n\r\t\x7f\x01\x1f ";
    static const char *const wide[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf",
                                       "\xe2\x80\xa8"};
    switch (below(m, 8)) {
    case 0:
        out[0] = special[below(m, sizeof(special) - 1)];
        return 1;
    case 1: {
        const char *s = wide[below(m, COUNT(wide))];
        memcpy(out, s, strlen(s));
        return strlen(s);
    }
    case 2:
        out[0] = nul ? '\0' : '0';
        return 1;
    default:
        out[0] = (char)('a' + below(m, 26));
        return 1;
    }
}

/* A random text of valid characters, behind a prefix that keeps names apart. */
static const char *make_text(struct made *m, const char *prefix, bool nul, size_t *ret_len)
{
    char text[200];
    size_t len = strlen(prefix), n = (size_t)below(m, 20);
    memcpy(text, prefix, len + 1);
    for (size_t i = 0; i < n; i++)
        len += put_character(m, text + len, nul);
    *ret_len = len;
    return nilo_arena_strndup(&m->arena, text, len);
}

static void make_scalar(struct made *m)
{
    static const char *const numbers[] = {"0", "-0", "1e400", "9007199254740993", "0.10", "-12.5E-3"};
    size_t len;
    const char *text;
    switch (below(m, 5)) {
    case 0:
        text = make_text(m, "", m->nul, &len);
        nilo_json_strn(&m->out, text, len);
        note(m, NILO_JSON_STRING, text, len);
        break;
    case 1:
        text = numbers[below(m, COUNT(numbers))];
        nilo_json_text(&m->out, text, strlen(text));
        note(m, NILO_JSON_NUMBER, text, strlen(text));
        break;
    case 2: {
        int64_t v = (int64_t)nilo_random_u64(&m->random) >> below(m, 64);
        text = nilo_arena_printf(&m->arena, "%lld", (long long)v);
        nilo_json_int(&m->out, v);
        note(m, NILO_JSON_NUMBER, text, strlen(text));
        break;
    }
    case 3: {
        bool v = below(m, 2) == 1;
        nilo_json_bool(&m->out, v);
        note(m, v ? NILO_JSON_TRUE : NILO_JSON_FALSE, v ? "true" : "false", v ? 4 : 5);
        break;
    }
    default:
        nilo_json_null(&m->out);
        note(m, NILO_JSON_NULL, "null", 4);
    }
}

static void make_value(struct made *m, int depth)
{
    bool object = below(m, 2) == 1;
    if (depth > 0 && (depth > 6 || below(m, 3) > 0)) {
        make_scalar(m);
        return;
    }
    note(m, object ? NILO_JSON_OBJECT_BEGIN : NILO_JSON_ARRAY_BEGIN, "", 0);
    object ? nilo_json_object_begin(&m->out) : nilo_json_array_begin(&m->out);
    uint64_t n = below(m, depth == 0 ? 40 : 5);
    for (uint64_t i = 0; i < n; i++) {
        if (object) {
            size_t len;
            const char *name = make_text(m, nilo_arena_printf(&m->arena, "%d.", (int)i), false, &len);
            nilo_json_key(&m->out, name);
            note(m, NILO_JSON_KEY, name, len);
        }
        make_value(m, depth + 1);
    }
    note(m, object ? NILO_JSON_OBJECT_END : NILO_JSON_ARRAY_END, "", 0);
    object ? nilo_json_object_end(&m->out) : nilo_json_array_end(&m->out);
}

static void write_again(struct nilo_json_out *o, const struct event *at)
{
    switch (at->e) {
    case NILO_JSON_OBJECT_BEGIN:
        nilo_json_object_begin(o);
        break;
    case NILO_JSON_OBJECT_END:
        nilo_json_object_end(o);
        break;
    case NILO_JSON_ARRAY_BEGIN:
        nilo_json_array_begin(o);
        break;
    case NILO_JSON_ARRAY_END:
        nilo_json_array_end(o);
        break;
    case NILO_JSON_KEY: {
        char *name = strndup(at->text, at->len);
        nilo_json_key(o, name);
        free(name);
        break;
    }
    case NILO_JSON_STRING:
        nilo_json_strn(o, at->text, at->len);
        break;
    case NILO_JSON_END:
        break;
    default:
        nilo_json_text(o, at->text, at->len);
    }
}

/* The parser gives the events the writer was fed, and writing those gives the same bytes. */
static void read_back(const struct made *m, uint64_t seed)
{
    struct nilo_json_limits limits = NILO_JSON_DEFAULT_LIMITS;
    struct nilo_json *j;
    struct nilo_err err;
    struct nilo_buf again;
    struct nilo_json_out out;
    limits.allow_nul = true;
    nilo_buf_init(&again, SIZE_MAX);
    nilo_json_out_init(&out, &again);
    assert_int_equal(nilo_json_new(m->bytes.data, m->bytes.len, limits, &j, &err), 0);
    for (size_t i = 0; i < m->n; i++) {
        struct event got;
        const struct event *wanted = &m->events[i];
        if (nilo_json_next(j, &got.e, &got.text, &got.len, &err) != 0)
            fail_msg("seed %llu: %s in %s", (unsigned long long)seed, err.msg, m->bytes.data);
        if (got.e != wanted->e || got.len != wanted->len || memcmp(got.text, wanted->text, got.len) != 0)
            fail_msg("seed %llu: event %zu differs in %s", (unsigned long long)seed, i, m->bytes.data);
        write_again(&out, &got);
    }
    nilo_json_free(j);
    assert_int_equal(again.len, m->bytes.len);
    assert_memory_equal(again.data, m->bytes.data, again.len);
    nilo_buf_done(&again);
}

static void make_document(struct made *m, uint64_t seed, bool nul)
{
    struct nilo_seeded_random r;
    nilo_seeded_random_init(&r, seed);
    m->random = nilo_seeded_random(&r);
    m->nul = nul;
    m->n = 0;
    nilo_arena_init(&m->arena, 0);
    nilo_buf_init(&m->bytes, SIZE_MAX);
    nilo_json_out_init(&m->out, &m->bytes);
    make_value(m, 0);
    note(m, NILO_JSON_END, "", 0);
    assert_false(m->bytes.failed);
}

static void free_document(struct made *m)
{
    nilo_buf_done(&m->bytes);
    nilo_arena_done(&m->arena);
}

static struct made made; /* too large for a stack */

static void random_documents_come_back_the_same(void **state)
{
    (void)state;
    size_t largest = 0;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        make_document(&made, seed, true);
        read_back(&made, seed);
        largest = made.n > largest ? made.n : largest;
        free_document(&made);
    }
    assert_true(largest > 100); /* else the generator has dried up */
}

static void no_prefix_of_a_random_document_passes(void **state)
{
    (void)state;
    for (uint64_t seed = 1000; seed < 1010; seed++) {
        make_document(&made, seed, false);
        assert_int_equal(nilo_json_check(made.bytes.data, made.bytes.len, NULL), 0);
        for (size_t n = 0; n < made.bytes.len && n < 1500; n++)
            assert_int_equal(nilo_json_check(made.bytes.data, n, NULL), -1);
        free_document(&made);
    }
}

static void a_document_handed_on_event_by_event_is_the_same_text(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct nilo_json *j;
        enum nilo_json_event e = NILO_JSON_NULL;
        const char *text;
        size_t len;
        struct nilo_buf b;
        struct nilo_json_out o;
        make_document(&made, seed, false);
        nilo_buf_init(&b, made.bytes.len + 1);
        nilo_json_out_init(&o, &b);
        assert_int_equal(nilo_json_new(made.bytes.data, made.bytes.len, NILO_JSON_DEFAULT_LIMITS, &j, NULL), 0);
        while (nilo_json_next(j, &e, &text, &len, NULL) == 0 && e != NILO_JSON_END)
            nilo_json_put(&o, e, text, len);
        assert_int_equal(e, NILO_JSON_END);
        nilo_json_free(j);
        assert_false(b.failed);
        assert_int_equal(b.len, made.bytes.len);
        assert_memory_equal(b.data, made.bytes.data, b.len);
        nilo_buf_done(&b);
        free_document(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_colons_come_by_themselves),
        cmocka_unit_test(documents_may_follow_each_other),
        cmocka_unit_test(strings_are_escaped_only_where_they_must_be),
        cmocka_unit_test(any_bytes_become_a_valid_string),
        cmocka_unit_test(nesting_is_right_to_the_last_level_and_fails_beyond),
        cmocka_unit_test(a_full_buffer_is_told_at_the_end),
        cmocka_unit_test(random_documents_come_back_the_same),
        cmocka_unit_test(a_document_handed_on_event_by_event_is_the_same_text),
        cmocka_unit_test(no_prefix_of_a_random_document_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
