/*
 * cgi: one plain CGI request (RFC 3875): environment, standard input and output.
 */
#ifndef LEADRELAY_INTAKE_CGI_H
#define LEADRELAY_INTAKE_CGI_H

#include "intake/receive.h"

/*
 * Read the request (${environment} and exactly CONTENT_LENGTH bytes of
 * standard input), answer it on standard output.  ${rx} may be without a
 * configuration; its outbox must be one without a committing thread.
 * Returns the exit status.
 */
int cgi_run(struct receiver *rx, char **environment);

#endif
