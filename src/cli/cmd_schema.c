#include "base/buf.h"
#include "base/exits.h"
#include "cli/cmd.h"
#include "cli/print.h"
#include "lead/lead.h"

int
cmd_schema(const struct args *args)
{
	struct buf out = { 0 };
	int status;

	(void)args;
	lead_schema(&out);
	status = print_flush(&out) ? EXIT_DONE : EXIT_SOFTWARE;
	buf_free(&out);
	return status;
}
