/* The emulator over real sockets: its program, its clock, and each way of misbehaving on the wire. */
#include "support/nilo_test.h"

#include "emulator/emulator_test.h"

#include <stdlib.h>
#include <string.h>

static void the_program_serves_answers_and_its_clock_obeys(void **state)
{
    (void)state;
    struct emulator_server *e = emulator_start("seed=7 channels=2 latency_ms=0", "2026-11-21T08:00:00Z");
    char *now = emulator_text(e, "/_emulator/time", "now"), *key = emulator_text(e, "/_emulator/world", "projects.0.key");
    char *channel = emulator_text(e, "/_emulator/world", "channels.1.id"), target[512];
    assert_string_equal(now, "2026-11-21T08:00:00+00:00");
    snprintf(target, sizeof target, "/youtube/v3/channels?part=statistics&id=%s&key=%s", channel, key);
    int64_t before = emulator_number(e, target, "items.0.statistics.viewCount");
    assert_int_equal(before, emulator_number(e, target, "items.0.statistics.viewCount")); /* time stands still */
    emulator_advance(e, 86400);
    assert_true(emulator_number(e, target, "items.0.statistics.viewCount") > before);
    assert_int_equal(emulator_count(e, "projects.0.buckets.0.used"), 1); /* and it is the next day there */
    assert_int_equal(emulator_count(e, "requests"), 3);
    free(now);
    free(key);
    free(channel);
    emulator_stop(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_serves_answers_and_its_clock_obeys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
