/*
 * served: is anything secret inside the folder the front server serves?
 *
 * The question goes to the file system, so its answers are remembered: a front
 * server has few document roots and names one with every request.
 */
#ifndef LEADRELAY_INTAKE_SERVED_H
#define LEADRELAY_INTAKE_SERVED_H

#include <pthread.h>
#include <stddef.h>

#define SERVED_ROOTS_MAX 16		/* remembered; more are asked anew each time */

struct config;

struct served {
	pthread_mutex_t lock;
	size_t count;
	struct served_root {
		char *root;
		const char *setting;	/* the one that is inside, or NULL */
	} roots[SERVED_ROOTS_MAX];
};

void served_init(struct served *sv);
void served_free(struct served *sv);

/* The setting that lies inside ${document_root}, or NULL (config_served_by).  Any thread. */
const char *served_setting(struct served *sv, const struct config *config,
    const char *document_root);

#endif
