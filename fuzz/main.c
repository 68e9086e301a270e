/* The entry that libFuzzer calls; NILO_FUZZ_TARGET is set by fuzz/meson.build. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    return NILO_FUZZ_TARGET(data, n);
}
