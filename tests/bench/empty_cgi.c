/*
 * empty_cgi: a CGI program that is linked with what leadrelay is linked with
 * and does nothing.
 */
#include <stdio.h>

#include <fcgiapp.h>
#include <json-c/json.h>
#include <jwt.h>
#include <sqlite3.h>

/* One function of each library; volatile, so that neither compiler nor linker drops it. */
static void (*volatile keep[])(void) = {
	(void (*)(void))FCGX_Init,
	(void (*)(void))json_tokener_parse,
	(void (*)(void))jwt_free,
	(void (*)(void))sqlite3_open
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
		if (keep[i] == NULL)
			return 1;
	puts("Status: 202\r\nContent-Type: application/json\r\n\r\n{\"status\":\"accepted\"}");
	return 0;
}
