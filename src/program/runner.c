#include "config.h"

#ifdef HAVE_JQ
#include "program/runner.h"

#include <sys/prctl.h>
#include <unistd.h>

#include "program/compiled.h"
#include "program/limits.h"
#include "program/program.h"
#include "program/wire.h"

void
runner_main(int fd, struct compiled *compiled)
{
	struct buf out = { 0 };
	enum wire_kind kind;
	struct wire wire;

	prctl(PR_SET_NAME, "leadrelay-jq");
	wire_open(&wire, fd);
	limits_last_words(fd, LIMITS_OVERRUN, WIRE_ERROR);
	if (!limits_memory(true)) {
		(void)wire_send(&wire, WIRE_TROUBLE, 0, LIMITS_REFUSED,
		    sizeof(LIMITS_REFUSED) - 1);
		_exit(1);
	}
	while (wire_receive(&wire, NULL) == WIRE_MESSAGE &&
	    wire.head.kind == WIRE_RUN && wire.head.index < WIRE_PROGRAMS_MAX) {
		limits_watch(PROGRAM_RUN_MS);
		kind = compiled_run(compiled, wire.head.index, wire.in.data,
		    wire.in.len, &out);
		limits_watch(0);
		if (wire_send(&wire, kind, 0, out.data, out.len) == -1)
			break;
		wire_next(&wire);
	}
	_exit(0);
}
#else
typedef int runner_is_absent;	/* ISO C wants a declaration in every file */
#endif
