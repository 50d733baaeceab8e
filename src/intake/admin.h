/*
 * admin: the pages healthz, metrics and status.
 */
#ifndef LEADRELAY_INTAKE_ADMIN_H
#define LEADRELAY_INTAKE_ADMIN_H

#include <stdbool.h>
#include <stddef.h>

#include "intake/receive.h"

struct config;

/* Is the last segment of the path the name of an admin page? */
bool admin_names_page(const char *path, size_t len);

/*
 * May this request see one?  Only with LEADRELAY_ROLE=admin, which the front
 * server sets, and over TCP only where the configuration (or NULL) allows that.
 */
bool admin_allowed(const struct config *config, const struct request *rq);

/* Answer a request for which both are true; as receive_start does. */
void admin_start(struct receiver *rx, struct request *rq);

#endif
