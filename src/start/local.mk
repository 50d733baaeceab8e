libleadrelay_a_SOURCES += \
	src/start/load.c src/start/load.h \
	src/start/process.c src/start/process.h \
	src/start/relaying.c src/start/relaying.h \
	src/start/reload.c src/start/reload.h \
	src/start/reload_reply.c src/start/reload_reply.h \
	src/start/supervisor.c src/start/supervisor.h \
	src/start/waiting.c src/start/waiting.h \
	src/start/worker.c src/start/worker.h \
	src/start/worker_cgi.c

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/start/test_waiting
endif
