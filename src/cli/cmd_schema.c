#include "base/buf.h"
#include "cli/cmd.h"
#include "cli/print.h"
#include "lead/lead.h"

int
cmd_schema(const struct args *args)
{
	struct buf out = { 0 };

	(void)args;
	lead_schema(&out);
	return print_end(&out, false);
}
