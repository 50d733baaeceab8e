/*
 * engine: what the relay's lanes share.  Filled by relay_new.
 */
#ifndef LEADRELAY_RELAY_ENGINE_H
#define LEADRELAY_RELAY_ENGINE_H

#include <stdint.h>

#include "base/counters.h"
#include "relay/curl_api.h"
#include "relay/mailbox.h"

struct program_host;

/* Something that libcurl carries out: CURLINFO_PRIVATE of its handle. */
struct engine_task {
	void (*ended)(struct engine_task *task, CURLcode code);
};

struct engine {
	struct curl_api curl;
	CURLM *multi;
	struct mailbox mailbox;
	struct counters *counters;
	struct program_host *host;	/* runs jq programs; NULL: there are none */
	const char *ca_file;		/* the system's; NULL: libcurl's default */
	uint64_t random;		/* state of a generator for jitter */
};

#endif
