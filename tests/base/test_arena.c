/* The arena, in both of its ways: pieces in shared chunks (what users run) and each piece alone (under AddressSanitizer). */
#include "support/nilo_test.h"

#include <stdalign.h>
#include <string.h>

#include "base/arena.h"
#include "base/env.h"

/* Runs a test once each way. */
#define BOTH_WAYS(a, max)                                                                                              \
    for (int way = 0; way < 2 && (nilo_arena_init(&(a), (max)), (a).alone = way != 0, 1); nilo_arena_done(&(a)), way++)

static void assert_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(p[i], 0);
}

static void pieces_are_aligned_zeroed_and_do_not_overlap(void **state)
{
    (void)state;
    enum { PIECES = 2000 };
    static unsigned char *pieces[PIECES];
    static size_t sizes[PIECES];
    struct nilo_arena a;
    BOTH_WAYS(a, 0)
    {
        struct nilo_seeded_random r;
        nilo_seeded_random_init(&r, 5);
        struct nilo_random random = nilo_seeded_random(&r);
        for (int i = 0; i < PIECES; i++) {
            sizes[i] = (size_t)nilo_random_below(&random, i % 100 == 0 ? 20000 : 200);
            pieces[i] = nilo_arena_alloc(&a, sizes[i]);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
            assert_zero(pieces[i], sizes[i]);
            memset(pieces[i], i % 255 + 1, sizes[i]);
        }
        for (int i = 0; i < PIECES; i++) {
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(pieces[i][k], i % 255 + 1);
        }
    }
}

static void memory_used_again_after_reset_is_zero(void **state)
{
    (void)state;
    struct nilo_arena a;
    BOTH_WAYS(a, 0)
    {
        for (int round = 0; round < 50; round++) {
            for (int i = 0; i < 40; i++) {
                unsigned char *p = nilo_arena_alloc(&a, 333);
                assert_non_null(p);
                assert_zero(p, 333);
                memset(p, 0xaa, 333);
            }
            nilo_arena_reset(&a);
            assert_int_equal(a.total, 0);
        }
    }
}

static void the_ceiling_holds_and_reset_lifts_it(void **state)
{
    (void)state;
    struct nilo_arena a;
    BOTH_WAYS(a, 100)
    {
        assert_null(nilo_arena_alloc(&a, 101));
        assert_non_null(nilo_arena_alloc(&a, 100));
        assert_null(nilo_arena_alloc(&a, 1));
        nilo_arena_reset(&a);
        assert_non_null(nilo_arena_alloc(&a, 48));
        assert_non_null(nilo_arena_alloc(&a, 48));
        assert_null(nilo_arena_alloc(&a, 5));
        assert_non_null(nilo_arena_alloc(&a, 4));
    }
}

static void many_empty_pieces_reach_the_ceiling_too(void **state)
{
    (void)state;
    struct nilo_arena a;
    BOTH_WAYS(a, 10000)
    {
        int n = 0;
        while (nilo_arena_alloc(&a, 1) != NULL)
            assert_true(++n <= 10000);
        assert_true(n >= 500);
    }
}

static void sizes_that_would_wrap_around_are_refused(void **state)
{
    (void)state;
    struct nilo_arena a;
    BOTH_WAYS(a, 0)
    {
        assert_non_null(nilo_arena_alloc(&a, 10));
        assert_null(nilo_arena_alloc(&a, SIZE_MAX));
        assert_null(nilo_arena_alloc(&a, SIZE_MAX - 64));
        assert_null(nilo_arena_array(&a, SIZE_MAX / 2, 3));
        assert_null(nilo_arena_array(&a, 1u << 31, SIZE_MAX / 1024));
        assert_null(nilo_arena_strndup(&a, "x", SIZE_MAX));
        assert_non_null(nilo_arena_array(&a, 7, 9));
        assert_non_null(nilo_arena_array(&a, 0, 0));
        assert_non_null(nilo_arena_array(&a, 5, 0));
    }
}

static void texts_are_copied(void **state)
{
    (void)state;
    struct nilo_arena a;
    BOTH_WAYS(a, 0)
    {
        char text[] = "abcdef";
        char *whole = nilo_arena_strdup(&a, text);
        char *part = nilo_arena_strndup(&a, text, 3);
        char *bytes = nilo_arena_strndup(&a, "a\0b", 3);
        text[0] = 'X';
        assert_string_equal(whole, "abcdef");
        assert_string_equal(part, "abc");
        assert_memory_equal(bytes, "a\0b", 4);
        assert_null(nilo_arena_strdup(&a, NULL));
        assert_null(nilo_arena_strndup(&a, NULL, 0));
        assert_string_equal(nilo_arena_strdup(&a, ""), "");
        assert_string_equal(nilo_arena_printf(&a, "%s-%d", "x", 42), "x-42");
        assert_int_equal(strlen(nilo_arena_printf(&a, "%09999d", 1)), 9999);
    }
}

static void a_text_over_the_ceiling_is_no_text(void **state)
{
    (void)state;
    struct nilo_arena a;
    BOTH_WAYS(a, 16)
    {
        assert_null(nilo_arena_printf(&a, "%016d", 1));
        assert_null(nilo_arena_strdup(&a, "0123456789abcdef"));
        assert_string_equal(nilo_arena_strdup(&a, "0123456789abcde"), "0123456789abcde");
    }
}

static void small_pieces_share_chunks(void **state)
{
    (void)state;
    struct nilo_arena a;
    nilo_arena_init(&a, 0);
    a.alone = false;
    char *first = nilo_arena_alloc(&a, 16), *second = nilo_arena_alloc(&a, 16);
    nilo_arena_alloc(&a, 1 << 20); /* has a chunk of its own and does not end the sharing */
    char *third = nilo_arena_alloc(&a, 16);
    assert_ptr_equal(second, first + 16);
    assert_ptr_equal(third, second + 16);
    nilo_arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_zeroed_and_do_not_overlap),
        cmocka_unit_test(memory_used_again_after_reset_is_zero),
        cmocka_unit_test(the_ceiling_holds_and_reset_lifts_it),
        cmocka_unit_test(many_empty_pieces_reach_the_ceiling_too),
        cmocka_unit_test(sizes_that_would_wrap_around_are_refused),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(a_text_over_the_ceiling_is_no_text),
        cmocka_unit_test(small_pieces_share_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
