/* The thread by which `serve` collects on its own: it asks twice a minute for what schedules have due (collect/schedule.h), as a task like any other
 * collection, and an app's own table of connections (connections_from_sql), on a lane of its own. Slots are unique in the store, so timers that run `nilometer collect --scheduled` beside it do no harm. */
#ifndef NILO_API_SCHEDULER_H
#define NILO_API_SCHEDULER_H

#include "api/api.h"

struct nilo_scheduler;
/** nilo_scheduler_new - starts the thread. owner: caller, nilo_scheduler_free(), before the tasks are let go */
int nilo_scheduler_new(struct nilo_api *api, struct nilo_scheduler **ret, struct nilo_err *err);
void nilo_scheduler_free(struct nilo_scheduler *s); /* NULL is fine; ends the thread, not a collection that runs */
void nilo_scheduler_look(struct nilo_scheduler *s); /* now, and not only at its next turn. Any thread */

#endif
