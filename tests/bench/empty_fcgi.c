/*
 * empty_fcgi: the ceiling of any FastCGI program: libfcgi, threads, no work.
 *
 *	empty_fcgi SOCKET THREADS
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <fcgiapp.h>

static void *
serve(void *arg)
{
	int listener = *(int *)arg;
	FCGX_Request request;

	FCGX_InitRequest(&request, listener, 0);
	while (FCGX_Accept_r(&request) == 0) {
		FCGX_PutS("Status: 202\r\n"
		    "Content-Type: application/json\r\n\r\n"
		    "{\"status\":\"accepted\"}\n", request.out);
		FCGX_Finish_r(&request);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t thread;
	int threads, listener;

	if (argc != 3 || (threads = atoi(argv[2])) < 1) {
		fprintf(stderr, "usage: empty_fcgi SOCKET THREADS\n");
		return 64;
	}
	if (FCGX_Init() != 0 || (listener = FCGX_OpenSocket(argv[1], 511)) == -1) {
		perror(argv[1]);
		return 69;
	}
	for (int i = 1; i < threads; i++) {
		if (pthread_create(&thread, NULL, serve, &listener) != 0) {
			perror("pthread_create");
			return 70;
		}
	}
	serve(&listener);
	return 0;
}
