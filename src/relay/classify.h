/*
 * classify: whose fault an attempt's end is.  Pure functions over two tables.
 */
#ifndef LEADRELAY_RELAY_CLASSIFY_H
#define LEADRELAY_RELAY_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>

struct config_range;

enum classify_class {
	CLASSIFY_DELIVERED,
	CLASSIFY_LEAD,			/* the lead's own fault: this one is refused */
	CLASSIFY_PASSING,		/* passing trouble: try again later */
	CLASSIFY_DESTINATION		/* the destination's fault: no lead would get through */
};

/*
 * The class of an answer with ${status}.  ${success} is asked first.  A 409
 * when an earlier attempt may have arrived (${unknown}) is that attempt's echo
 * and counts as delivered.
 */
enum classify_class classify_status(const struct config_range *success,
    size_t success_count, int status, bool unknown);

/*
 * The class of an attempt that ended without a status, by libcurl's error code.
 * Once the request was on its way (${sending}) nobody knows whether it arrived,
 * and whatever went wrong is passing trouble.
 */
enum classify_class classify_error(int curl_code, bool sending);

#endif
