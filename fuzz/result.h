/* Shared by the targets that take answers of platforms. */
#ifndef NILO_FUZZ_RESULT_H
#define NILO_FUZZ_RESULT_H

#include "connect/connector.h"
#include "fuzz.h"

void nilo_fuzz_text(const char *text); /* not too long, and UTF-8; NULL is fine */
void nilo_fuzz_result(const struct nilo_ask *ask, const struct nilo_result *r);

#endif
