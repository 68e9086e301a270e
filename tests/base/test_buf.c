/* The growing buffer: what goes in comes out, the ceiling holds, a failure sticks and adds nothing by halves. */
#include "support/nilo_test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/env.h"

static void an_untouched_buffer_reads_as_empty(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, 10);
    assert_string_equal(nilo_buf_str(&b), "");
    assert_int_equal(b.cap, 0);
    assert_int_equal(nilo_buf_add(&b, NULL, 0), 0);
    assert_non_null(b.data);
    nilo_buf_done(&b);
    assert_string_equal(nilo_buf_str(&b), "");
    nilo_buf_done(&b);
}

static void appends_of_every_kind_line_up(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, 100);
    nilo_buf_adds(&b, "one ");
    nilo_buf_addc(&b, '2');
    nilo_buf_add(&b, " th\0ree", 7);
    nilo_buf_addf(&b, " %s%d", "four", 5);
    nilo_buf_addi(&b, -6);
    assert_int_equal(b.len, 21 - 2 + 1);
    assert_memory_equal(b.data, "one 2 th\0ree four5-6", b.len + 1);
    assert_false(b.failed);
    nilo_buf_done(&b);
}

static void integers_are_written_as_printf_would(void **state)
{
    (void)state;
    const int64_t values[] = {0, 1, -1, 9, 10, -10, 99, 100, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MAX - 1, INT64_MIN};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct nilo_buf b;
        char wanted[32];
        nilo_buf_init(&b, 100);
        snprintf(wanted, sizeof(wanted), "%" PRId64, values[i]);
        assert_int_equal(nilo_buf_addi(&b, values[i]), 0);
        assert_string_equal(nilo_buf_str(&b), wanted);
        nilo_buf_done(&b);
    }
}

static void the_ceiling_is_exact_and_so_is_the_memory(void **state)
{
    (void)state;
    for (size_t max = 0; max < 300; max += max < 5 ? 1 : 37) {
        struct nilo_buf b;
        nilo_buf_init(&b, max);
        for (size_t i = 0; i < max; i++) {
            assert_int_equal(nilo_buf_addc(&b, 'x'), 0);
            assert_true(b.cap <= max + 1);
        }
        assert_false(b.failed);
        assert_int_equal(nilo_buf_addc(&b, 'x'), -1);
        assert_true(b.failed);
        assert_int_equal(b.len, max);
        assert_true(b.cap <= max + 1);
        nilo_buf_done(&b);
    }
}

static void a_failure_sticks_until_reset(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, 8);
    nilo_buf_adds(&b, "12345");
    assert_int_equal(nilo_buf_adds(&b, "6789"), -1);
    assert_int_equal(nilo_buf_addc(&b, '6'), -1);
    assert_int_equal(nilo_buf_add(&b, "", 0), -1);
    assert_int_equal(nilo_buf_addi(&b, 6), -1);
    assert_int_equal(nilo_buf_addf(&b, "%d", 6), -1);
    assert_string_equal(nilo_buf_str(&b), "12345");
    nilo_buf_reset(&b);
    assert_false(b.failed);
    assert_string_equal(nilo_buf_str(&b), "");
    assert_int_equal(nilo_buf_adds(&b, "12345678"), 0);
    assert_string_equal(nilo_buf_str(&b), "12345678");
    nilo_buf_done(&b);
}

static void formatted_text_fits_to_the_byte_or_not_at_all(void **state)
{
    (void)state;
    for (int before = 0; before < 70; before++) {
        for (int n = 60; n <= 70; n++) {
            struct nilo_buf b;
            nilo_buf_init(&b, 130);
            for (int i = 0; i < before; i++)
                nilo_buf_addc(&b, '.');
            int rc = nilo_buf_addf(&b, "%0*d", n, 7);
            assert_int_equal(rc, before + n <= 130 ? 0 : -1);
            assert_int_equal(b.len, before + (rc == 0 ? n : 0));
            assert_int_equal(strlen(nilo_buf_str(&b)), b.len);
            nilo_buf_done(&b);
        }
    }
}

static void sizes_that_would_wrap_around_are_refused(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, SIZE_MAX);
    assert_int_equal(nilo_buf_adds(&b, "abc"), 0);
    assert_int_equal(nilo_buf_add(&b, "x", SIZE_MAX), -1);
    nilo_buf_reset(&b);
    nilo_buf_adds(&b, "abc");
    assert_int_equal(nilo_buf_add(&b, "x", SIZE_MAX - 3), -1);
    assert_string_equal(nilo_buf_str(&b), "abc");
    nilo_buf_done(&b);
}

static void take_hands_over_and_leaves_an_empty_buffer(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, 10);
    char *nothing = nilo_buf_take(&b);
    assert_string_equal(nothing, "");
    nilo_buf_adds(&b, "text");
    char *text = nilo_buf_take(&b);
    assert_string_equal(text, "text");
    assert_int_equal(b.len, 0);
    assert_null(b.data);
    assert_int_equal(nilo_buf_adds(&b, "0123456789"), 0);
    assert_int_equal(nilo_buf_adds(&b, "!"), -1);
    assert_null(nilo_buf_take(&b));
    nilo_buf_done(&b);
    free(nothing);
    free(text);
}

static void random_appends_match_a_plain_array(void **state)
{
    (void)state;
    static char model[20000];
    struct nilo_seeded_random r;
    nilo_seeded_random_init(&r, 11);
    struct nilo_random random = nilo_seeded_random(&r);
    for (int round = 0; round < 20; round++) {
        struct nilo_buf b;
        size_t len = 0;
        nilo_buf_init(&b, sizeof(model));
        for (;;) {
            char piece[200];
            size_t n = (size_t)nilo_random_below(&random, sizeof(piece));
            random.fill(random.ctx, piece, n);
            int rc = nilo_buf_add(&b, piece, n);
            assert_int_equal(rc, len + n <= sizeof(model) ? 0 : -1);
            if (rc != 0)
                break;
            memcpy(model + len, piece, n);
            len += n;
        }
        assert_int_equal(b.len, len);
        assert_memory_equal(b.data, model, len);
        assert_int_equal(b.data[len], '\0');
        nilo_buf_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_untouched_buffer_reads_as_empty),
        cmocka_unit_test(appends_of_every_kind_line_up),
        cmocka_unit_test(integers_are_written_as_printf_would),
        cmocka_unit_test(the_ceiling_is_exact_and_so_is_the_memory),
        cmocka_unit_test(a_failure_sticks_until_reset),
        cmocka_unit_test(formatted_text_fits_to_the_byte_or_not_at_all),
        cmocka_unit_test(sizes_that_would_wrap_around_are_refused),
        cmocka_unit_test(take_hands_over_and_leaves_an_empty_buffer),
        cmocka_unit_test(random_appends_match_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
