/* Names that people give to things, and those that are taken. */
#ifndef NILO_BASE_NAMES_H
#define NILO_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/** nilo_name_ok - 1 to max bytes of UTF-8 without control characters: fit for a path segment, a message, a column and a list of names */
bool nilo_name_ok(const char *name, size_t max);

/** nilo_reserved_name - a column of our relations or a word of the request grammar: no item metric may have this name, it could not be asked for */
bool nilo_reserved_name(const char *name);

#endif
