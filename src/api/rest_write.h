/* The handlers that write, for the table of routes. */
#ifndef NILO_API_REST_WRITE_H
#define NILO_API_REST_WRITE_H

#include "api/rest.h"

nilo_handler_fn nilo_rest_write;  /* POST, PATCH, DELETE of {relation} */
nilo_handler_fn nilo_rest_record; /* POST of rpc/record */

#endif
